// A reader of Chrome's Trace Event JSON that takes it at its word: what a viewer would draw. Written from the format's description, with
// nothing of the code that writes it; used by trace-chrome.test.ts and test/cli/trace.test.ts.
import { z } from 'zod'

const timed = { pid: z.number().int(), tid: z.number().int(), ts: z.number().nonnegative() }
const name = z.string().min(1)
const paired = { ...timed, name, cat: name, id: name }
const event = z.discriminatedUnion('ph', [
  z.strictObject({
    ph: z.literal('M'),
    name: z.enum(['process_name', 'thread_name', 'thread_sort_index']),
    ...timed,
    args: z.union([z.strictObject({ name }), z.strictObject({ sort_index: z.number() })]),
  }),
  z.strictObject({ ph: z.literal('b'), ...paired, args: z.record(z.string(), z.unknown()) }),
  z.strictObject({ ph: z.literal('e'), ...paired }),
  z.strictObject({ ph: z.literal('n'), ...paired, args: z.record(z.string(), z.unknown()) }),
  z.strictObject({ ph: z.literal('C'), name, ...timed, args: z.record(z.string(), z.number().nonnegative()) }),
  z.strictObject({ ph: z.literal('i'), name, ...timed, s: z.literal('t'), args: z.record(z.string(), z.number()) }),
])
const file = z.strictObject({
  displayTimeUnit: z.literal('ns'),
  otherData: z.looseObject({
    startedMs: z.number(),
    endedMs: z.number(),
    dropped: z.number(),
    sampleEvery: z.number(),
  }),
  traceEvents: z.array(event),
})

export interface ChromeSlice {
  readonly name: string
  readonly track: string
  readonly id: string
  readonly startUs: number
  readonly endUs: number
  /** How many slices it lies within. */
  readonly depth: number
  readonly args: Readonly<Record<string, unknown>>
}

export interface ChromeTrace {
  readonly otherData: Readonly<Record<string, unknown>>
  readonly slices: readonly ChromeSlice[]
  /** Names of `n` and `i`. */
  readonly instants: readonly string[]
  readonly counters: ReadonlyMap<string, readonly number[]>
  readonly processes: readonly string[]
  readonly tracks: readonly string[]
}

/** @throws what is wrong with it */
export function readChromeTrace(text: string): ChromeTrace {
  const { otherData, traceEvents } = file.parse(JSON.parse(text))
  const processes: string[] = []
  const tracks = new Map<number, string>()
  const slices: ChromeSlice[] = []
  const instants: string[] = []
  const counters = new Map<string, number[]>()
  const open = new Map<string, { name: string; track: string; startUs: number; args: Record<string, unknown> }[]>()
  // As viewers do: the format asks for no order of the file ("events do not have to be in timestamp-sorted order"); what is of one moment keeps it.
  for (const each of [...traceEvents].sort((one, other) => one.ts - other.ts)) {
    if (each.ph === 'M') {
      if ('name' in each.args && each.name === 'process_name') processes.push(each.args.name)
      if ('name' in each.args && each.name === 'thread_name') tracks.set(each.tid, each.args.name)
      continue
    }
    const track = tracks.get(each.tid)
    if (track === undefined) throw new Error(`a thread without a name: ${JSON.stringify(each)}`)
    if (each.ph === 'C') {
      counters.set(each.name, [...(counters.get(each.name) ?? []), ...Object.values(each.args)])
    } else if (each.ph === 'i') {
      instants.push(each.name)
    } else {
      const key = `${each.cat} ${each.id}`
      const stack = open.get(key) ?? []
      open.set(key, stack)
      if (each.ph === 'n') {
        if (stack.length === 0)
          throw new Error(`nothing is under way that this could belong to: ${JSON.stringify(each)}`)
        instants.push(each.name)
      } else if (each.ph === 'b') {
        stack.push({ name: each.name, track, startUs: each.ts, args: each.args })
      } else {
        const begun = stack.pop()
        if (begun?.name !== each.name || begun.track !== track)
          throw new Error(`an end of nothing: ${JSON.stringify(each)}`)
        slices.push({ ...begun, id: each.id, endUs: each.ts, depth: stack.length })
      }
    }
  }
  const unended = [...open.values()].flat()
  if (unended.length > 0) throw new Error(`${unended.length} without an end, ${unended[0]!.name} first`)
  return { otherData, slices, instants, counters, processes, tracks: [...tracks.values()] }
}
