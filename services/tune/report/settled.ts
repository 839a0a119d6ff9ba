// One figure for one pair: the layouts that were held against each other in the confirmation have its figures wherever they are shown, in tables, plots and
// the profile, and not those of the search, which flatter what they found. Pure. Called by services/tune/tune.ts, before anything is made of a search.
import { reasonAgainst } from '../explain.ts'
import type { NotChosen, TriedLayout } from '../explain.ts'
import { layoutKey } from '../layouts.ts'
import type { SearchResult } from '../search.ts'
import type { Estimate } from '../statistics.ts'
import { changeOf, sideOf } from './build.ts'
import type { ReportedChange } from './model.ts'
import type { Recorder } from './recorder.ts'

export function settled(result: SearchResult, recorder: Recorder): SearchResult {
  const { current, leader, outcome, objective } = result
  const change = changeOf(result)
  if (change === null) return result
  const isChosen = outcome.kind === 'chosen'
  const [used, other] = isChosen ? [leader, current] : [current, leader]
  const turned = isChosen ? inverse : (estimate: Estimate): Estimate => estimate
  const settle = (tried: TriedLayout): TriedLayout => {
    const key = layoutKey(tried.layout)
    if (tried.legs === 0 || (key !== layoutKey(used) && key !== layoutKey(other))) return tried
    const side = sideOf(tried.layout, key === layoutKey(used) ? other : used, recorder, change, objective)
    const figures = {
      workPerSecond: side.workPerSecond.value,
      p50Ns: side.p50Ns.value,
      p99Ns: side.p99Ns.value,
      cpuNsPerWork: side.cpuNsPerWork.value,
    }
    if (key === layoutKey(used)) return { ...tried, ...figures }
    const ratios = { against: turned(change.work), cpuAgainst: turned(change.cpu) }
    const said = reasonAgainst({ ...ratios, p99Ns: figures.p99Ns }, objective, false)
    const by = byWhat(change)
    return { ...tried, ...figures, ...ratios, why: `${said.why}${by}`, brief: `${said.brief}${by}` }
  }
  const tried = result.tried.map(settle)
  return { ...result, tried, notChosen: result.notChosen.map((value) => settleValue(value, settle)) }
}

/** What is impossible stays so, whatever its layouts did. */
function settleValue(value: NotChosen, settle: (tried: TriedLayout) => TriedLayout): NotChosen {
  if (value.best === null) return value
  const best = settle(value.best)
  return { ...value, best, why: value.why === value.best.why ? best.why : value.why }
}

const byWhat = ({ from }: ReportedChange): string =>
  from === 'confirmation' ? '; by the confirmation' : '; by the search, not confirmed'

const inverse = ({ value, low, high, count }: Estimate): Estimate => ({
  value: 1 / value,
  low: 1 / high,
  high: 1 / low,
  count,
})
