// A search's result as a profile. Called by `ringmaster tune`.
import type { SearchResult } from '../tune/search.ts'
import type { Estimate } from '../tune/statistics.ts'
import type { TunedWorkload } from '../tune/types.ts'
import { profileVersion } from './schema.ts'
import type { Fingerprint, MachineLimit, Profile } from './schema.ts'

export interface ProfileParts {
  readonly fingerprint: Fingerprint
  readonly workload: TunedWorkload
  readonly path: string | null
  readonly limits: readonly MachineLimit[]
}

const runnersUpMax = 16

/** Of a short search the interval may not be known: JSON has no numbers for that. */
const known = (estimate: Estimate | null): Estimate | null =>
  estimate !== null && [estimate.value, estimate.low, estimate.high].every(Number.isFinite) ? estimate : null

/** Of a search that chose or kept a layout; null where it refused: what is not known is not written down. */
export function profileOf(result: SearchResult, parts: ProfileParts): Profile | null {
  const { outcome, current, tried } = result
  if (outcome.kind === 'refused' || result.stopped === 'aborted') return null
  const gain = outcome.kind === 'chosen' ? outcome.gain : null
  const runnersUp = tried
    .filter(({ legs, against }) => legs > 0 && against !== null)
    .sort((a, b) => b.against!.value - a.against!.value)
    .slice(0, runnersUpMax)
    .map(({ layout, against, cpuAgainst, p99Ns, why }) => {
      return { layout, work: known(against), cpu: known(cpuAgainst), p99Ns, why }
    })
  return {
    kind: 'ringmaster-profile',
    version: profileVersion,
    ...parts,
    layout: outcome.kind === 'chosen' ? outcome.layout : current,
    before: current,
    gain: gain && { work: gain.work, cpu: gain.cpu, p99Ns: gain.p99Ns.value, p99NsBefore: gain.otherP99Ns.value },
    why: outcome.why,
    runnersUp,
  }
}
