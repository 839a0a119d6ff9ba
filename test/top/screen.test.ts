// Screens as lines, in every size: none is wider or longer than the terminal, nothing is there that a terminal would act upon, and what matters most
// stays when room is scarce.
import { stripVTControlCharacters } from 'node:util'
import { describe, expect, it } from 'vitest'
import { drawScreen, shareRows, type Scene, type Screen } from '../../services/top/screen.ts'
import { coloured, colourless } from '../../services/top/style.ts'
import { tables } from '../../services/top/tables.ts'
import { widthOf } from '../../services/top/text.ts'
import { firstView } from '../../services/top/view.ts'
import { ringRow, snapshotOf } from './snapshots.ts'

const scene = (changed: Partial<Scene> = {}): Scene => ({
  snapshot: snapshotOf(2),
  view: firstView,
  intervalMs: 1000,
  lost: null,
  paint: colourless,
  admin: 'http://127.0.0.1:9464',
  ...changed,
})

const hostile = [
  '\u001b[2J\u001b[H\u001b]0;title\u0007',
  'a\r\nb',
  '\u202egpj.exe',
  '\u05e9\u05dc\u05d5\u05dd',
  '日本語'.repeat(100),
  '👍'.repeat(300),
  'x'.repeat(5000),
  '',
]

const sizes = [
  [80, 24],
  [200, 60],
  [60, 12],
] as const

function check({ lines }: Screen, columns: number, rows: number): void {
  expect(lines).toHaveLength(rows)
  for (const line of lines) {
    const visible = stripVTControlCharacters(line)
    expect(widthOf(visible), visible).toBeLessThanOrEqual(columns)
    // Colours are all that is left of escape sequences.
    // eslint-disable-next-line no-control-regex
    expect(line.replaceAll(/\u001b\[\d+m/g, '')).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u0590-\u08ff\u202a-\u202e]/)
  }
}

describe.each(sizes)('%i×%i', (columns, rows) => {
  it.each([0, 1, 2, 16, 64])('with %i rings', (count) => {
    for (const only of [null, ...tables.map(({ name }) => name)])
      for (const help of [false, true])
        for (const paint of [coloured, colourless])
          check(
            drawScreen(scene({ snapshot: snapshotOf(count), paint, view: { ...firstView, only, help } }), {
              columns,
              rows,
            }),
            columns,
            rows,
          )
  })

  it('with names that want to do something to the terminal', () => {
    for (const only of [null, 'files', 'clients']) {
      const snapshot = { ...snapshotOf(1, hostile), rings: [ringRow(0, { state: hostile[0]!, poller: hostile[3]! })] }
      const lost = { reason: `http://x ${hostile[0]!}. And more.`, forSeconds: 5 }
      check(drawScreen(scene({ snapshot, lost, view: { ...firstView, only } }), { columns, rows }), columns, rows)
    }
  })

  it('before anything has come, and when nothing comes any more', () => {
    check(drawScreen(scene({ snapshot: null }), { columns, rows }), columns, rows)
    const reason = 'nothing listens at http://127.0.0.1:9464. Start it.'
    const { lines } = drawScreen(scene({ lost: { reason, forSeconds: 75 } }), { columns, rows })
    check({ lines, titles: [], page: 1, scrollMax: 0 }, columns, rows)
    expect(lines[0]).toMatch(/LOST$/)
    expect(lines[3]).toMatch(/^nothing listens at http:\/\/127\.0\.0\.1:9464\. Tried/)
  })
})

describe('what is there', () => {
  const shown = (columns: number, rows: number, changed: Partial<Scene> = {}): string =>
    drawScreen(scene(changed), { columns, rows }).lines.join('\n')

  it('80×24: of rings queues, rates, thread, the stage in the kernel and errors; all four tables', () => {
    const text = shown(80, 24)
    expect(text).toMatch(/^RING▲ +POLLER +SQ +CQ +INFL +OP\/S +ENTER\/S +WAKE\/S +THREAD +KER P50 +KER P99 +ERR\/S$/m)
    expect(text).toMatch(/^0 +kernel +███░░ ░░░░░ +12 12\.3k +1\.3 +3\.0 busy +12\.3µs +4\.56ms +0$/m)
    expect(text).toMatch(/p50 p99: +queued 12\.3µs 4\.56ms +kernel 12\.3µs 4\.56ms +delivered +– +–/)
    for (const title of ['OPERATION', 'FILE', 'CLIENT']) expect(text).toMatch(new RegExp(`^${title} `, 'm'))
  })

  it('200×60: every stage, what is useful of the thread, totals, state and advice, too', () => {
    const snapshot = { ...snapshotOf(1), rings: [ringRow(0, { advice: 'caller: mostly idle' })] }
    const text = shown(200, 60, { snapshot })
    const titles = [
      'WAIT',
      'BYTES/S',
      'USEFUL',
      'CPU',
      'QUE P50',
      'QUE P99',
      'DEL P50',
      'DEL P99',
      'ERRORS',
      'STATE',
      'ADVICE',
    ]
    for (const title of titles) expect(text).toContain(title)
    expect(text).toContain('caller: mostly idle')
    expect(text).toMatch(/████+░+ {3}50%/)
  })

  it('60×12: rings and operations, and what has no room is named with how to see it', () => {
    const text = shown(60, 12)
    for (const title of ['RING', 'OPERATION']) expect(text).toMatch(new RegExp(`^${title}`, 'm'))
    expect(text).toMatch(/^no room for files, clients: Tab shows each *\n q quit/m)
    expect(shown(80, 24)).not.toContain('no room')
    const lost = { reason: 'nothing listens at http://127.0.0.1:9464', forSeconds: 5 }
    const jobs = [{ kind: 'service', name: 'a', state: 'running', detail: '', progress: -1 }]
    expect(shown(60, 12, { lost, snapshot: { ...snapshotOf(16), jobs } })).toMatch(
      /^no room for files, clients, jobs: Tab shows each *\n q quit/m,
    )
  })

  it('a rate that is whole for once is written as before, and nothing beside it moves', () => {
    const at = (operationsPerSecond: number): string[] => {
      const { rates } = snapshotOf(0)
      const all = { ...rates, operationsPerSecond, wakeupsPerSecond: 3 }
      const snapshot = { ...snapshotOf(0), rates: all, rings: [ringRow(0, { operationsPerSecond })] }
      return shown(80, 24, { snapshot }).split('\n')
    }
    const [whole, part] = [at(6), at(5.9)]
    expect(whole[1]).toMatch(/ 6\.0 op\/s /)
    expect(whole.join('\n').replaceAll(/\b6\.0\b/g, '5.9')).toBe(part.join('\n'))
    const placeOf = (value: number): number => at(value)[1]!.indexOf('enter/s')
    expect(new Set([0, 0.01, 6, 9.97, 10, 999.7, 12_345, 1e9].map(placeOf)).size).toBe(1)
    expect([at(0)[1], at(9.97)[1], at(999.7)[1]]).toEqual([
      expect.stringContaining(' 0 op/s'),
      expect.stringContaining(' 10 op/s'),
      expect.stringContaining(' 1.00k op/s'),
    ])
  })

  it('40×10 is too small, and says so; so is less', () => {
    expect(shown(40, 10)).toMatch(/^terminal too small:\n40×10 is less\nthan 60×12\nq quits\n/)
    for (const [columns, rows] of [
      [5, 2],
      [1, 1],
      [0, 0],
      [40, 3],
    ] as const)
      check(drawScreen(scene(), { columns, rows }), columns, rows)
  })

  it('64 rings at 80×24: what has no room is counted, and the other tables keep theirs', () => {
    const text = shown(80, 24, { snapshot: snapshotOf(64) })
    expect(text).toMatch(/^… 5\d more rings/m)
    for (const title of ['OPERATION', 'FILE', 'CLIENT']) expect(text).toMatch(new RegExp(`^${title} `, 'm'))
  })

  it('help says what every column means, in full', () => {
    const view = { ...firstView, help: true }
    const { lines, scrollMax } = drawScreen(scene({ view }), { columns: 80, rows: 24 })
    const rest = drawScreen(scene({ view: { ...view, scroll: scrollMax } }), { columns: 80, rows: 24 }).lines
    const words = [...lines.slice(3), ...rest.slice(3)].join(' ').replaceAll(/\s+/g, ' ')
    expect(words).not.toContain('…')
    expect(words).toContain(
      'busy (awake, with entries), idle (awake for nothing), asleep, none, gone (the ring has no worker)',
    )
    expect(words).toContain('the poller that would suit the load better, and why')
  })

  it('64 rings alone are scrolled to the last one', () => {
    const view = { ...firstView, only: 'rings' }
    const { scrollMax, page } = drawScreen(scene({ snapshot: snapshotOf(64), view }), { columns: 80, rows: 24 })
    expect([scrollMax, page]).toEqual([64 - 19, 18])
    const text = shown(80, 24, { snapshot: snapshotOf(64), view: { ...view, scroll: scrollMax } })
    expect(text).toMatch(/^63 +kernel/m)
    expect(text).not.toMatch(/more rings/)
  })

  it('the order that was chosen, in numbers; what is not known comes last', () => {
    const rings = [5, NaN, 70, 1].map((operationsPerSecond, ring) => ringRow(ring, { operationsPerSecond }))
    const order = (descending: boolean): string[] => {
      const view = { ...firstView, only: 'rings', sorts: { ...firstView.sorts, rings: { title: 'OP/S', descending } } }
      const text = shown(80, 24, { snapshot: { ...snapshotOf(0), rings }, view })
      return [...text.matchAll(/^(\d) +kernel/gm)].map(([, ring]) => ring!)
    }
    expect(order(true)).toEqual(['2', '0', '3', '1'])
    expect(order(false)).toEqual(['3', '0', '2', '1'])
  })

  it('a full queue, a lost worker and an overflow are red', () => {
    const snapshot = {
      ...snapshotOf(0),
      rings: [ringRow(0, { sq: { entries: 8, filled: 0, filledMax: 8 }, thread: 'gone', overflowed: true })],
    }
    const text = shown(200, 60, { snapshot, paint: coloured })
    expect(text).toMatch(/\u001b\[31m█+ {2}100%\u001b\[39m/) // eslint-disable-line no-control-regex
    expect(text).toMatch(/\u001b\[31mgone/) // eslint-disable-line no-control-regex
    expect(text).toMatch(/\u001b\[31moverflow/) // eslint-disable-line no-control-regex
  })

  it('a process that does not tell of files is not said to have none', () => {
    expect(shown(80, 24, { snapshot: { ...snapshotOf(1), files: null } })).toContain(
      'files: this process does not tell',
    )
  })
})

it('lines are shared: rings first, then evenly, never more than there are', () => {
  expect(shareRows([3, 7, 8, 3], 30, 10)).toEqual([3, 7, 8, 3])
  expect(shareRows([65, 7, 8, 3], 20, 7)).toEqual([7, 5, 5, 3])
  expect(shareRows([65, 2, 2, 2], 20, 7)).toEqual([14, 2, 2, 2])
  expect(shareRows([5, 5, 5, 5], 6, 2)).toEqual([3, 3, 0, 0])
})
