// Time limits of requests (`timeoutMs`): one timer per thread, whatever their number. A limit is an AbortSignal of ours, so that it works
// wherever a signal does. Used by the API methods where the caller gave one; requests without pay nothing.
import { ringErrors } from '../native/errors.ts'
import { addAbortListener, removeAbortListener } from './abort.ts'
import { checkInteger, checkOptionsObject, checkSignal } from './arguments.ts'

/** How a request may be ended before it is over. */
export interface Timed {
  /** Cancels it. */
  signal?: AbortSignal | undefined
  /**
   * How long it may take from the call, in ms, 1–2,147,483,647. Then it is taken out of the queue it waits in, or cancelled in the kernel, and
   * rejects with ERR_RING_TIMEOUT (name TimeoutError) when the kernel is done with it; with its own outcome if that came first.
   */
  timeoutMs?: number | undefined
}

/** Whether there is a limit. @throws ERR_INVALID_ARG_TYPE for what is no options: a signal, say, that was to be `{ signal }` */
export function isTimed(options: Timed): boolean {
  checkOptionsObject(options)
  return options.timeoutMs !== undefined
}

const timeoutMaxMs = 2 ** 31 - 1

/** A limit that has not passed. */
interface Limit {
  readonly atMs: number
  readonly controller: AbortController
  readonly timeoutMs: number
  /** Where in the heap it is; -1: not there any more. */
  index: number
}

// A binary heap: earliest first. Who is over in time, as most are, is taken out from wherever it is.
const heap: Limit[] = []
let timer: NodeJS.Timeout | null = null
let timerAtMs = Infinity

function place(limit: Limit, index: number): void {
  heap[index] = limit
  limit.index = index
}

/** Moves `limit` from `index` up or down to where it belongs. */
function settle(limit: Limit, start: number): void {
  let index = start
  for (let parent = (index - 1) >> 1; index > 0 && heap[parent]!.atMs > limit.atMs; parent = (index - 1) >> 1) {
    place(heap[parent]!, index)
    index = parent
  }
  for (;;) {
    let child = 2 * index + 1
    if (child + 1 < heap.length && heap[child + 1]!.atMs < heap[child]!.atMs) child++
    if (child >= heap.length || heap[child]!.atMs >= limit.atMs) break
    place(heap[child]!, index)
    index = child
  }
  place(limit, index)
}

function add(limit: Limit): void {
  heap.push(limit)
  settle(limit, heap.length - 1)
  arm()
}

function remove(limit: Limit): void {
  if (limit.index < 0) return
  const last = heap.pop()!
  if (last !== limit) settle(last, limit.index)
  limit.index = -1
}

/** One timer, for the earliest. It keeps nothing alive: what is in flight does. */
function arm(): void {
  const earliest = heap[0]
  if (earliest === undefined || (timer !== null && timerAtMs <= earliest.atMs)) return
  if (timer !== null) clearTimeout(timer)
  timerAtMs = earliest.atMs
  timer = setTimeout(passed, Math.min(timeoutMaxMs, Math.max(1, Math.ceil(earliest.atMs - performance.now())))).unref()
}

function passed(): void {
  timer = null
  const nowMs = performance.now()
  for (let first = heap[0]; first !== undefined && first.atMs <= nowMs; first = heap[0]) {
    remove(first)
    first.controller.abort(ringErrors.timeout(first.timeoutMs, true))
  }
  arm()
}

/** Limits that have not passed, and are not needed no more. For tests. */
export const limitsPending = (): number => heap.length

/**
 * Makes a request under the limit of `options`: `request` gets them with the signal of that limit in the place of `timeoutMs`.
 * @throws (rejects) ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE; what the request rejects with
 */
export async function withTimeout<O extends Timed, T>(options: O, request: (options: O) => Promise<T>): Promise<T> {
  const timeoutMs = checkInteger(options.timeoutMs, 'timeoutMs', 1, timeoutMaxMs)
  const signal = checkSignal(options.signal)
  const controller = new AbortController()
  const abort = (): void => {
    controller.abort(signal?.reason)
  }
  if (signal?.aborted === true) abort()
  addAbortListener(signal, abort)
  const limit: Limit = { atMs: performance.now() + timeoutMs, controller, timeoutMs, index: -1 }
  add(limit)
  try {
    return await request({ ...options, timeoutMs: undefined, signal: controller.signal })
  } finally {
    remove(limit)
    removeAbortListener(signal, abort)
  }
}
