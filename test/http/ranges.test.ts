// What a Range header selects of a file. The answers on the wire are in range-requests.test.ts.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { rangesMax } from '../../services/http/limits.ts'
import { selectRanges } from '../../services/http/ranges.ts'

const parts = (...ranges: [number, number][]) => ({
  kind: 'parts',
  ranges: ranges.map(([start, end]) => ({ start, end })),
})
const whole = { kind: 'whole' }
const unsatisfiable = { kind: 'unsatisfiable' }

describe('Range, for a file of 100 bytes', () => {
  it.each([
    [undefined, whole],
    ['bytes=0-0', parts([0, 0])],
    ['bytes=0-99', parts([0, 99])],
    ['bytes=10-', parts([10, 99])],
    ['bytes=90-1000', parts([90, 99])],
    ['bytes=99-99999999999999999999', parts([99, 99])],
    ['bytes=-1', parts([99, 99])],
    ['bytes=-100', parts([0, 99])],
    ['bytes=-1000', parts([0, 99])],
    ['Bytes=0-1', parts([0, 1])],
    ['bytes= 0-1 , 4-5 ', parts([0, 1], [4, 5])],
    ['bytes=0-1,,4-5', parts([0, 1], [4, 5])],
    ['bytes=4-5,0-1', parts([4, 5], [0, 1])],
    ['bytes=0-1,200-300', parts([0, 1])],
    ['bytes=0-5,3-9', parts([0, 9])],
    ['bytes=0-1,2-3', parts([0, 3])],
    ['bytes=0-,-100,0-99,50-', parts([0, 99])],
    ['bytes=100-', unsatisfiable],
    ['bytes=100-200,300-', unsatisfiable],
    ['bytes=-0', unsatisfiable],
    ['bytes=5-2', unsatisfiable],
    ['bytes=', whole],
    ['bytes=,', whole],
    ['bytes=-', whole],
    ['bytes=a-b', whole],
    ['bytes=1', whole],
    ['bytes=0x1-2', whole],
    ['bytes=1.5-2', whole],
    ['bytes=0-1;2-3', whole],
    ['lines=0-1', whole],
    ['0-1', whole],
    ['', whole],
    [`bytes=${Array.from({ length: rangesMax }, (_, at) => `${at * 2}-${at * 2}`).join(',')}`, undefined],
    [`bytes=${'0-0,'.repeat(rangesMax + 1)}`, whole],
  ])('%.60s', (header, outcome) => {
    const selected = selectRanges(header, 100)
    if (outcome === undefined) expect(selected.kind).toBe('parts')
    else expect(selected).toEqual(outcome)
  })
})

describe('Range, for an empty file', () => {
  it.each([
    ['bytes=0-', unsatisfiable],
    ['bytes=0-0', unsatisfiable],
    ['bytes=-5', whole],
    ['bytes=-0', unsatisfiable],
  ])('%s', (header, outcome) => {
    expect(selectRanges(header, 0)).toEqual(outcome)
  })
})

it('no header makes more be sent than the file has', () => {
  const number = fc.option(fc.nat({ max: 150 }), { nil: '' as const })
  const member = fc.tuple(number, number).map(([first, last]) => `${first}-${last}`)
  fc.assert(
    fc.property(fc.array(member, { maxLength: 10 }), fc.nat({ max: 120 }), (members, sizeBytes) => {
      const selected = selectRanges(`bytes=${members.join(',')}`, sizeBytes)
      if (selected.kind !== 'parts') return
      const sent = new Set<number>()
      for (const { start, end } of selected.ranges) {
        expect(start).toBeLessThanOrEqual(end)
        expect(end).toBeLessThan(sizeBytes)
        for (let at = start; at <= end; at++) {
          expect(sent.has(at)).toBe(false)
          sent.add(at)
        }
      }
    }),
  )
})
