// The report of `ringmaster tune`: each figure in text and page is the search's, whatever comes of it; nothing in a name of a file gets out of its place.
import { beforeAll, describe, expect, it } from 'vitest'
import { blocksOf } from '../../services/tune/report/blocks.ts'
import { layoutKey } from '../../services/tune/layouts.ts'
import { frontierOf } from '../../services/tune/report/plots/frontier.ts'
import { mapCaption } from '../../services/tune/report/plots/disk-map.ts'
import { heatCells } from '../../services/tune/report/plots/heat-map.ts'
import { legsOf } from '../../services/tune/report/plots/confirmation.ts'
import type { ReportedSearch, TuneReport } from '../../services/tune/report/model.ts'
import { reportPage } from '../../services/tune/report/page.ts'
import { formatReport } from '../../services/tune/report/text.ts'
import { bytes, duration, requests, time, withInterval } from '../../services/tune/report/words.ts'
import { signed } from '../../services/tune/outcome.ts'
import { medianEstimate } from '../../services/tune/statistics.ts'
import { machineNamed, simulatedReport } from './report-world.ts'
import { ordinary, quiet } from './simulated-machine.ts'

const plain = { colour: false, width: 120 }
/** Others take a third of the machine. */
const noisy = { ...quiet, deviation: 0.01, otherShare: 0.33 }
/** Wrapping may come between any two words. */
const flat = (text: string): string => text.replace(/\s+/g, ' ')

let chosen: TuneReport
let kept: TuneReport
let refused: TuneReport
let stopped: TuneReport
let aborted: TuneReport

beforeAll(async () => {
  const base = { workload: 'random-read' as const, disturbance: ordinary, seed: 1 }
  chosen = await simulatedReport({ ...base, machine: machineNamed('16 CPUs, fast disk') })
  kept = await simulatedReport(
    { ...base, machine: machineNamed('1 CPU, cached'), disturbance: quiet },
    { knobs: ['poller', 'rings'] },
  )
  refused = await simulatedReport(
    { ...base, machine: machineNamed('1 CPU, cached'), disturbance: noisy },
    { knobs: ['clients', 'buffers', 'files', 'spinNs'] },
  )
  stopped = await simulatedReport({ ...base, machine: machineNamed('16 CPUs, fast disk') }, { budgetSeconds: 12 })
  const interrupt = new AbortController()
  let legs = 0
  const onLeg = (): void => {
    if (++legs === 40) interrupt.abort('SIGINT')
  }
  aborted = await simulatedReport(
    { ...base, machine: machineNamed('16 CPUs, fast disk') },
    { signal: interrupt.signal, onLeg },
  )
})

const searchOf = ({ search }: TuneReport): ReportedSearch => {
  if (search === null) throw new Error('there is no search in the report')
  return search
}

/** What a cell of the page is: the text that a browser shows of it. */
const pageText = (report: TuneReport): string =>
  reportPage(report)
    .replace(/<style>[^]*?<\/style>/, '')
    .replace(/<[^>]+>/g, ' ')
    .replace(/&quot;/g, '"')
    .replace(/&#39;/g, "'")
    .replace(/&lt;/g, '<')
    .replace(/&gt;/g, '>')
    .replace(/&amp;/g, '&')

describe('what comes of a search is said', () => {
  it('chosen: what to change, and what it is worth', () => {
    expect(searchOf(chosen).outcome.kind).toBe('chosen')
    expect(flat(formatReport(chosen, plain))).toContain('Change it: ')
    expect(searchOf(chosen).change?.from).toBe('confirmation')
  })

  it('kept: why', () => {
    const { outcome } = searchOf(kept)
    expect(outcome.kind).toBe('kept')
    expect(flat(formatReport(kept, plain))).toContain(`Keep what you have: ${outcome.why}.`)
  })

  it('refused: the noise by its name with its figures, and what to do', () => {
    const { outcome, noise } = searchOf(refused)
    if (outcome.kind !== 'refused') throw new Error(`it was ${outcome.kind}: ${outcome.why}`)
    expect(outcome.noise).toBe('other load')
    const text = flat(formatReport(refused, plain))
    expect(text).toContain('Not decided, nothing is changed: ')
    expect(text).toContain(`others ${(noise.otherShare * 100).toFixed(0)} %`)
    expect(text).toContain('What to do: ')
    expect(text).toContain('end what disturbs')
  })

  it('ended by the budget: that more time may help', () => {
    expect(stopped.stopped).toBe('budget')
    expect(stopped.limits).toBeNull()
    expect(flat(formatReport(stopped, plain))).toContain('from --budget-seconds 20 on')
  })

  it('stopped: what was known by then', () => {
    expect(aborted.stopped).toBe('aborted')
    // The last of them may be those that were disturbed and run again: the quieter counts.
    expect(searchOf(aborted).legs).toBeGreaterThan(30)
    expect(searchOf(aborted).legs).toBeLessThanOrEqual(40)
    expect(flat(formatReport(aborted, plain))).toContain(`${searchOf(aborted).legs} legs in`)
    expect(flat(formatReport(aborted, plain))).toContain(searchOf(aborted).outcome.why)
  })

  it('stopped before any layout: the limits, if they were measured', async () => {
    const interrupt = new AbortController()
    const report = await simulatedReport(
      { machine: machineNamed('2 CPUs, cached'), workload: 'random-read', disturbance: quiet, seed: 1 },
      {
        signal: interrupt.signal,
        onPrepare: (_phase, _what, share) => {
          if (share > 0.5) interrupt.abort('SIGINT')
        },
      },
    )
    expect(report.search).toBeNull()
    expect(report.limits?.runs).toBe(3)
    expect(formatReport(report, plain)).toContain('stopped before any layout was measured')
    expect(reportPage(report)).toContain('stopped before any layout was measured')
  })
})

describe('figures', () => {
  it('of the sides are medians of the legs that decided', () => {
    const search = searchOf(chosen)
    for (const side of [search.before, search.after!]) {
      const legs = legsOf(search, side)
      expect(legs.length).toBe(search.change?.rounds)
      expect(legs.every(({ phase }) => phase === 'confirmation')).toBe(true)
      expect(side.workPerSecond).toEqual(medianEstimate(legs.map(({ workPerSecond }) => workPerSecond)))
      expect(side.cpuNsPerWork).toEqual(medianEstimate(legs.map(({ cpuNsPerWork }) => cpuNsPerWork)))
    }
    // The search says the same of p99, from its own books.
    expect(search.after?.p99Ns).toEqual(search.change?.p99Ns)
    expect(search.before.p99Ns).toEqual(search.change?.otherP99Ns)
  })

  it('of the two that were held against each other are the same wherever they are shown', () => {
    const compared = [chosen, kept, refused, stopped, aborted].filter((report) => searchOf(report).change !== null)
    expect(compared).toContain(chosen)
    for (const report of compared) {
      const { outcome, before, after, change, tried, notChosen } = searchOf(report)
      const [used, other] = outcome.kind === 'chosen' ? [after!, before] : [before, after!]
      const of = ({ layout }: typeof used): (typeof tried)[number] =>
        tried.find((each) => layoutKey(each.layout) === layoutKey(layout))!
      for (const side of [used, other]) {
        const { workPerSecond, p99Ns, cpuNsPerWork } = of(side)
        expect([workPerSecond, p99Ns, cpuNsPerWork]).toEqual([
          side.workPerSecond.value,
          side.p99Ns.value,
          side.cpuNsPerWork.value,
        ])
      }
      const { work } = change!
      const against =
        outcome.kind === 'chosen' ? [1 / work.value, 1 / work.high, 1 / work.low] : [work.value, work.low, work.high]
      const shown = of(other).against!
      expect([shown.value, shown.low, shown.high]).toEqual(against)
      expect(of(other).why).toMatch(change!.from === 'confirmation' ? /; by the confirmation$/ : /; by the search, not/)
      const place = tried.indexOf(of(other))
      for (const { best, why } of notChosen) if (best === place) expect(why).toBe(of(other).why)
    }
  })

  it('of the change say in their heading whether they are confirmed', () => {
    expect(blocksOf(chosen)[1].heading).toEqual(['', 'before', 'after', 'change, confirmed'])
    const { change } = searchOf(stopped)
    const isConfirmed = change?.from === 'confirmation' && change.rounds >= 5
    if (!isConfirmed && change !== null) expect(blocksOf(stopped)[1].heading.at(-1)).toBe('change, not confirmed')
  })

  it('of errors are words where they would be more than all of it', async () => {
    const machine = machineNamed('1 CPU, cached')
    const disturbance = { ...quiet, deviation: 0.01, otherShare: 0.82 }
    const simulation = { machine, workload: 'random-read' as const, disturbance, seed: 1 }
    const report = await simulatedReport(simulation, { knobs: ['clients', 'buffers', 'files', 'spinNs'] })
    expect(searchOf(report).outcome.kind).toBe('refused')
    const text = flat(formatReport(report, plain))
    expect(text).toContain('it was too noisy to tell anything')
    expect(text).not.toMatch(/wrong by|\d{3,} % could not/)
    expect(signed({ value: 1.1, low: 0.1, high: 4, count: 5 })).toBe('+10 % (−90 to +300)')
  })

  it('are of every leg that the search counted, and of no other', () => {
    for (const report of [chosen, kept, refused, stopped, aborted]) {
      const search = searchOf(report)
      expect(search.legsRun.length).toBe(search.legs)
      for (const [place, { legs }] of search.tried.entries())
        expect(search.legsRun.filter(({ layout }) => layout === place).length).toBe(legs)
    }
  })

  it.each(['chosen', 'kept', 'refused', 'stopped', 'aborted'] as const)(
    'of the blocks are all in text and page (%s)',
    (name) => {
      const report = { chosen, kept, refused, stopped, aborted }[name]
      const text = flat(formatReport(report, { ...plain, width: 4000 }))
      const page = flat(pageText(report))
      for (const { rows, says, warnings, notes } of blocksOf(report))
        for (const cell of [says, ...warnings, ...notes, ...rows.flat()]) {
          expect(text).toContain(flat(cell).trim())
          expect(page).toContain(flat(cell).trim())
        }
    },
  )

  it('of the choice are the result’s', () => {
    const { before, after, change } = searchOf(chosen)
    const [, choice] = blocksOf(chosen)
    const row = (name: string): readonly string[] => choice.rows.find(([first]) => first === name) ?? []
    const number = (text: string): string => text.replace(/[^\d.].*/, '')
    const interval = (of: { value: number; low: number; high: number }, format: (value: number) => string): string => {
      const [value, low, high] = [format(of.value), format(of.low), format(of.high)]
      const isOneUnit = new Set([value, low, high].map((text) => text.slice(number(text).length))).size === 1
      return isOneUnit ? `${value} (${number(low)} – ${number(high)})` : `${value} (${low} – ${high})`
    }
    expect(row('operations per second')).toEqual([
      'operations per second',
      interval(before.workPerSecond, requests),
      interval(after!.workPerSecond, requests),
      signed(change!.work),
    ])
    expect(row('p99').slice(1, 3)).toEqual([interval(before.p99Ns, time), interval(after!.p99Ns, time)])
    expect(row('CPU per operation').at(-1)).toBe(signed(change!.cpu))
    expect(row('poller')).toEqual(
      before.layout.poller === after!.layout.poller ? [] : expect.arrayContaining(['poller']),
    )
  })

  it('of what was not chosen are the result’s', () => {
    const search = searchOf(chosen)
    const [, , block] = blocksOf(chosen)
    for (const { title, best } of search.notChosen) {
      if (best === null) continue
      const { against, p99Ns, legs } = search.tried[best]!
      const row = block.rows.find(([name]) => name === title)
      expect(row?.slice(0, 2)).toEqual([title, against === null ? '–' : signed(against)])
      expect(row?.slice(3, 5)).toEqual([p99Ns === null ? '–' : time(p99Ns), String(legs)])
    }
    // Those that were not tried are together, each by its value.
    const untried = search.notChosen.filter(({ best, knob }) => best === null && knob === 'depth')
    expect(untried.length).toBeGreaterThan(1)
    const together = block.rows.find(([name]) => name?.startsWith(untried[0]!.title))
    expect(together?.[0]).toBe(`depth ${untried.map(({ value }) => String(value)).join(', ')}`)
  })

  it('of the limits are medians over the runs, from the least to the largest, and say whose they are', () => {
    const { limits } = chosen
    expect(limits?.runs).toBe(3)
    for (const { value, low, high } of limits!.figures) {
      expect(low).toBeLessThanOrEqual(value)
      expect(high).toBeGreaterThanOrEqual(value)
    }
    const from = Object.fromEntries(limits!.figures.map(({ name, from }) => [name, from]))
    expect(from).toMatchObject({ 'random read': 'device', 'fdatasync p50': 'cache', 'memory copy': 'memory' })
    expect(formatReport(chosen, plain)).toContain('a cache, not the device')
    expect(flat(formatReport(chosen, plain))).toContain('less than a device needs')
  })

  it('of the map of the disk are in the table of the page, and of the text its gentlest and its hardest load', () => {
    const { map, figures } = chosen.limits!
    const page = flat(pageText(chosen))
    for (const cell of map!.cells) {
      expect(page).toContain(
        `${requests(cell.readsPerSecond)} ${requests(cell.readsDonePerSecond)} ${time(cell.p50Ns)}`,
      )
      expect(page).toContain(`p95 ${time(cell.p95Ns)}, p99 ${time(cell.p99Ns)}`)
    }
    const kept = map!.cells.filter(({ keepsUp }) => keepsUp).map(({ p99Ns }) => p99Ns)
    const text = flat(formatReport(chosen, plain))
    expect(text).toContain(`Reads beside writes: p99 from ${time(Math.min(...kept))} at`)
    expect(text).toContain(`to ${time(Math.max(...kept))} at`)
    expect(text).toContain(`${25 - kept.length} of 25 loads were too much`)
    expect(mapCaption(map!, figures)).not.toContain('cache')
    const ofCache = figures.map((figure) => ({ ...figure, from: 'cache' as const }))
    expect(mapCaption(map!, ofCache)).toContain('A cache answers here')
  })

  it('survive JSON: what is not known is null', () => {
    const copy = JSON.parse(JSON.stringify(chosen)) as TuneReport
    expect([copy.format, copy.version]).toEqual(['ringmaster-tune', 1])
    expect(copy.search?.change?.work).toEqual(searchOf(chosen).change?.work)
    expect(copy.search?.tried).toEqual(searchOf(chosen).tried)
    expect(copy.machine.quotaCpus).toBeNull()
  })
})

describe('plots', () => {
  it('the frontier has what no other beats in both', () => {
    const points = [
      { p99Ns: 5, work: 50 },
      { p99Ns: 1, work: 10 },
      { p99Ns: 2, work: 8 },
      { p99Ns: 3, work: 30 },
      { p99Ns: 5, work: 60 },
    ]
    expect(frontierOf(points)).toEqual([points[1], points[3], points[4]])
  })

  it('the heat map has the best layout of each pair', () => {
    const search = searchOf(chosen)
    const cells = heatCells(search)
    for (const { depth, rings, ratio } of cells) {
      const others = search.tried.filter(({ layout }) => layout.depth === depth && layout.rings === rings)
      for (const { against } of others) expect(against?.value ?? 1).toBeLessThanOrEqual(ratio)
    }
    expect(cells.find(({ depth, rings }) => depth === search.used.depth && rings === search.used.rings)).toBeDefined()
  })

  it('have a mark for each layout that ran', () => {
    const search = searchOf(chosen)
    const ran = search.tried.filter(({ legs }) => legs > 0).length
    // Each twice, for wide and narrow windows; four in the legend.
    expect(reportPage(chosen).match(/class="point poller-/g)?.length).toBe(ran * 2 + 4)
    expect(reportPage(chosen)).not.toContain('NaN')
  })
})

describe('numbers', () => {
  it('of one have a noun of one', async () => {
    const machine = machineNamed('2 CPUs, cached')
    const simulation = { machine, workload: 'random-read' as const, disturbance: quiet, seed: 1 }
    const interrupt = new AbortController()
    const onLeg = (): void => {
      interrupt.abort('SIGINT')
    }
    const single = await simulatedReport(simulation, { signal: interrupt.signal, onLeg })
    expect(searchOf(single).legs).toBe(1)
    expect(formatReport(single, plain)).toContain('1 leg in')
    for (const report of [single, chosen, kept, refused, stopped, aborted])
      for (const text of [formatReport(report, { ...plain, width: 4000 }), pageText(report)])
        expect(text).not.toMatch(/(?<![\d.,])1 (fresh )?(legs|layouts|rounds|loads|rates|runs|files)\b/)
  })
})

describe('names of files', () => {
  const data = 'of /x/<!--<script>alert(1)</script>" onload=\u001b[2J\u202e&amp;'

  it('get out of their place neither on a terminal nor in the page', async () => {
    const machine = machineNamed('2 CPUs, cached')
    const report = await simulatedReport(
      { machine, workload: 'random-read', disturbance: quiet, seed: 1, data },
      { budgetSeconds: 10 },
    )
    for (const character of ['\u001b', '\u202e']) {
      expect(formatReport(report, plain)).not.toContain(character)
      expect(reportPage(report)).not.toContain(character)
    }
    const page = reportPage(report)
    expect(page).not.toMatch(/<script|" onload/)
    expect(page).toContain('&lt;!--&lt;script&gt;alert(1)&lt;/script&gt;&quot; onload=')
  })
})

describe('text', () => {
  it.each([40, 80, 120])('of %i columns is no wider', (width) => {
    for (const report of [chosen, kept, refused, stopped])
      for (const line of formatReport(report, { colour: false, width }).split('\n'))
        expect(line.length, line).toBeLessThanOrEqual(width)
  })

  it('has colours where they are asked for, and is the same without', () => {
    const coloured = formatReport(chosen, { colour: true, width: 120 })
    expect(coloured).toContain('\u001b[')
    // eslint-disable-next-line no-control-regex -- that is what is looked for
    expect(coloured.replace(/\u001b\[\d+m/g, '')).toBe(formatReport(chosen, plain))
  })
})

describe('words', () => {
  it.each([
    [requests(412_345), '412 k/s'],
    [requests(999_900), '1.00 M/s'],
    [requests(12.34), '12.3/s'],
    [bytes(2.306e9), '2.31 GB/s'],
    [time(999.7), '1.00 µs'],
    [time(850), '850 ns'],
    [time(1_020_000), '1.02 ms'],
    [time(2.5e9), '2.50 s'],
    [duration(45), '45 s'],
    [duration(260), '4 min 20 s'],
    [duration(300), '5 min'],
    [withInterval({ value: 412e3, low: 405e3, high: 420e3, count: 5 }, requests), '412 k/s (405 – 420)'],
    [withInterval({ value: 999, low: 990, high: 1010, count: 5 }, time), '999 ns (990 ns – 1.01 µs)'],
    [withInterval({ value: 5, low: -Infinity, high: Infinity, count: 1 }, time), '5.00 ns'],
  ])('%s is %s', (given, wanted) => {
    expect(given).toBe(wanted)
  })
})
