// What the engine of the `threadpool` poller asks of a chain: linked requests, or one alone.
import { Op, SqeFlag } from '../../native/abi.ts'
import type { Call, Request } from './request.ts'

const EINVAL = -22
const EOPNOTSUPP = -95
const ECANCELED = -125

function* requestsOf(head: Request): Generator<Request> {
  for (let request: Request | null = head; request !== null; request = request.next) yield request
}

/** Whether everything before the chain is to be over when it begins, and everything after it begins when it is. */
export function isDrained(head: Request): boolean {
  for (const { sqeFlags } of requestsOf(head)) {
    if ((sqeFlags & SqeFlag.IO_DRAIN) !== 0) return true
  }
  return false
}

/**
 * Whether it goes past barriers: a cancellation alone, or what a barrier waits for could not be cancelled. The kernel has
 * io_uring_register(2) for that.
 */
export function overtakes(head: Request): boolean {
  return head.opcode === Op.ASYNC_CANCEL && head.next === null && (head.sqeFlags & SqeFlag.IO_DRAIN) === 0
}

export function chainLength(head: Request): number {
  let length = 0
  for (let request: Request | null = head; request !== null; request = request.next) length++
  return length
}

/** Under another personality, which is registered with the kernel: nobody here could take it on. */
const isForeign = ({ words }: Request): boolean => words[10]! >>> 16 !== 0

/** The results of a chain that cannot be begun: the error of what is wrong, -ECANCELED of the rest. Empty where nothing is wrong. */
export function refusals(head: Request, rows: ReadonlyMap<number, Call>): number[] {
  if (head.next === null && rows.has(head.opcode) && head.opcode !== Op.LINK_TIMEOUT && !isForeign(head)) return []
  const results: number[] = []
  let before: Request | null = null
  for (const request of requestsOf(head)) {
    // A link timeout limits the request before it.
    const misplaced = request.opcode === Op.LINK_TIMEOUT && (before === null || before.opcode === Op.LINK_TIMEOUT)
    results.push(misplaced || isForeign(request) ? EINVAL : rows.has(request.opcode) ? ECANCELED : EOPNOTSUPP)
    before = request
  }
  return results.every((result) => result === ECANCELED) ? [] : results
}
