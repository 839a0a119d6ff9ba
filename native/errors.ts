// Errors of every layer. Kernel errors look like Node's own (code, errno, syscall, path, dest, libuv's message); ours are
// ERR_RING_* and say what to do. Used everywhere; re-exported to users by services/errors.ts.
import { getSystemErrorMap } from 'node:util'
import { byLinuxErrno } from './linux-errno.ts'

/** Why io_uring cannot be used here. `addon` and `platform`: nothing was tried in the kernel. */
export type UnavailableReason =
  | 'platform'
  | 'addon'
  | 'kernel'
  | 'sysctl'
  | 'seccomp'
  | 'memlock'
  | 'descriptors'
  | 'threads'
  | 'permission'
  | 'unknown'

/** Base of the errors this library makes up itself; `code` says what happened. */
export class RingError extends Error {
  readonly code: string
  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
  // As Node prints its own: "RingError [ERR_RING_CLOSED]: …"
  override get name(): string {
    return 'RingError'
  }
}

/** A request's time limit passed; as the error of AbortSignal.timeout() it is a TimeoutError. */
export class RingTimeoutError extends RingError {
  /** Whether the kernel may have seen it: false where it was taken out of a queue, and nothing was done. */
  readonly submitted: boolean
  readonly timeoutMs: number
  constructor(timeoutMs: number, submitted: boolean) {
    const outcome = submitted
      ? 'it was cancelled, and may have been carried out in part'
      : 'it was still waiting for a place in the ring, and nothing was done'
    super('ERR_RING_TIMEOUT', `the request was not over within ${timeoutMs} ms: ${outcome}`)
    this.submitted = submitted
    this.timeoutMs = timeoutMs
  }
  override get name(): string {
    return 'TimeoutError'
  }
}

/** io_uring is not available to this process; `reason` is for programs, the message for people. */
export class RingUnavailableError extends RingError {
  readonly reason: UnavailableReason
  /** The message without its beginning, which says what all of these say. @internal */
  readonly detail: string
  constructor(reason: UnavailableReason, message: string, options?: ErrorOptions) {
    super('ERR_RING_UNAVAILABLE', `io_uring is not available: ${message}`, options)
    this.reason = reason
    this.detail = message
  }
}

export const ringErrors = {
  closed: (): RingError =>
    new RingError('ERR_RING_CLOSED', 'the rings are closed: start new ones with Ringmaster.start()'),
  backlogFull: (backlogMax: number): RingError =>
    new RingError(
      'ERR_RING_BACKLOG_FULL',
      `more than ${backlogMax} requests wait for a place in the ring: await some before starting more, or raise the option backlogMax`,
    ),
  viewBacklogFull: (backlogMax: number): RingError =>
    new RingError(
      'ERR_RING_BACKLOG_FULL',
      `more than ${backlogMax} requests of this view wait for a place in the rings: await some before starting more, or raise the backlogMax or inFlightMax of its view()`,
    ),
  viewsBacklogFull: (backlogMax: number): RingError =>
    new RingError(
      'ERR_RING_BACKLOG_FULL',
      `more than ${backlogMax} requests of views wait for a place in the ring: await some before starting more, or raise the option backlogMax, of which views have a quarter`,
    ),
  timeout: (timeoutMs: number, submitted: boolean): RingTimeoutError => new RingTimeoutError(timeoutMs, submitted),
  operationInFlight: (name: string): RingError =>
    new RingError(
      'ERR_RING_OPERATION_IN_FLIGHT',
      `this ${name} operation is in flight already: await it before submitting it again, or make another one`,
    ),
  lost: (cause: unknown): RingError =>
    new RingError(
      'ERR_RING_LOST',
      'the ring was lost with this request in flight: it may or may not have been carried out',
      { cause },
    ),
  /** Of a request that came too late; `advice`: what to do. */
  lostBefore: (advice: string): RingError =>
    new RingError('ERR_RING_LOST', `the ring is lost, and this request was not submitted: ${advice}`),
  workerLost: (cause: unknown): RingError =>
    new RingError(
      'ERR_RING_WORKER_LOST',
      'the ring worker ended before it answered: what was asked of it may or may not have been carried out',
      { cause },
    ),
  mailboxGone: (cause?: unknown): RingError =>
    new RingError('ERR_RING_CLOSED', 'the ring of this mailbox is closed, and nothing can be sent to it any more', {
      cause,
    }),
  clientsFull: (clientsMax: number): RingError =>
    new RingError(
      'ERR_RING_CLIENTS_FULL',
      `${clientsMax} threads are attached already: detach() one, let its thread end, or raise the option clientsMax`,
    ),
  tracesFull: (tracesMax: number): RingError =>
    new RingError(
      'ERR_RING_TRACES_FULL',
      `these rings are traced ${tracesMax} times already: stop() one of the traces`,
    ),
  handleUsed: (): RingError =>
    new RingError(
      'ERR_RING_HANDLE_USED',
      'this handle was joined, detached, or left behind by a thread that has ended: attach() another one, each is for one thread',
    ),
  chainsPending: (): RingError =>
    new RingError(
      'ERR_RING_CHAINS_PENDING',
      'chains wait for a place in the ring whose SQ thread is to be shared: attach again when they are over',
    ),
  serviceStalled: (what: string, limitMs: number): RingError =>
    new RingError(
      'ERR_RING_SERVICE_STALLED',
      `a resident service did not ${what} within ${limitMs} ms: it was left, and its rings are closed`,
    ),
  serviceGivenUp: (ends: number, quietMs: number): RingError =>
    new RingError(
      'ERR_RING_SERVICE_GIVEN_UP',
      `the thread of a resident service ended ${ends} times in a row, within ${quietMs} ms of its start: it is not started again. See what ended it (process.exit() there ends the thread), then call startService() anew`,
    ),
  notOwner: (): RingError =>
    new RingError(
      'ERR_RING_NOT_OWNER',
      'these rings were joined: ask the thread that started them, whose Ringmaster has the ring workers',
    ),
  privileges: (name: string): RingError =>
    new RingError(
      'ERR_RING_PRIVILEGES',
      `process.${name}() is refused while there are rings, which keep the rights of before (CVE-2024-22017): drop privileges before Ringmaster.start(), or close the rings first`,
    ),
  leaseReleased: (): RingError =>
    new RingError(
      'ERR_RING_LEASE_RELEASED',
      'this lease was released before, and its memory may be somebody else’s: release a lease once, and use it before that',
    ),
  arenaFull: (slabs: number): RingError =>
    new RingError(
      'ERR_RING_ARENA_FULL',
      `all ${slabs} slabs of the arena are leased or in use by the kernel: release some, wait with leaseWhenFree(), or make a larger arena`,
    ),
  arenaWaiters: (waitersMax: number): RingError =>
    new RingError(
      'ERR_RING_ARENA_FULL',
      `${waitersMax} callers wait for a slab of the arena already: release some leases, or raise the option waitersMax`,
    ),
  arenaInUse: (leases: number): RingError =>
    new RingError('ERR_RING_ARENA_IN_USE', `${leases} leases of the arena are out: release them before closing it`),
  arenaClosed: (): RingError => new RingError('ERR_RING_ARENA_CLOSED', 'the arena is closed: make a new one'),
  fileClosed: (syscall: string): Error =>
    Object.assign(new Error(`EBADF: file is closed, ${syscall}`), { code: 'EBADF', errno: -9, syscall }),
} as const

/** An errno as Node shows it. */
export interface SystemError extends Error {
  code: string
  errno: number
  syscall: string
  path?: string
  dest?: string
}

/** What io_uring answers and libuv has no name for; errno(3)'s words. */
const furtherErrors: readonly (readonly [number, [string, string]])[] = [
  [-10, ['ECHILD', 'no child processes']],
  [-35, ['EDEADLK', 'resource deadlock avoided']],
  [-37, ['ENOLCK', 'no locks available']],
  [-53, ['EBADR', 'invalid request descriptor']],
  [-62, ['ETIME', 'timer expired']],
  [-74, ['EBADMSG', 'bad message']],
  [-77, ['EBADFD', 'file descriptor in bad state']],
  [-115, ['EINPROGRESS', 'operation now in progress']],
  [-116, ['ESTALE', 'stale file handle']],
  [-117, ['EUCLEAN', 'structure needs cleaning']],
  [-122, ['EDQUOT', 'disk quota exceeded']],
  [-123, ['ENOMEDIUM', 'no medium found']],
  [-126, ['ENOKEY', 'required key not available']],
  [-130, ['EOWNERDEAD', 'owner died']],
]

const ownErrors = getSystemErrorMap()
const systemErrors: ReadonlyMap<number, [string, string]> = new Map([
  ...furtherErrors,
  ...(process.platform === 'linux' ? ownErrors : byLinuxErrno(ownErrors)),
])
/** This platform's numbers, where they are not Linux's, which completions carry everywhere. */
const ownErrno: ReadonlyMap<string, number> = new Map(
  process.platform === 'linux' ? [] : [...ownErrors].map(([errno, [code]]) => [code, errno]),
)

/** The name of an errno, positive or negative: `ENOENT`; `E<number>` where libuv knows none. */
export function errnoName(errno: number): string {
  return systemErrors.get(-Math.abs(errno))?.[0] ?? `E${Math.abs(errno)}`
}

/** A kernel error as libuv would report it. `errno` is negative and Linux's, as in a CQE. */
export function kernelError(errno: number, syscall: string, path?: string, dest?: string): SystemError {
  const known = systemErrors.get(errno)
  const code = known?.[0] ?? `E${-errno}`
  let message = `${code}: ${known?.[1] ?? 'unknown error'}, ${syscall}`
  if (path !== undefined) message += ` '${path}'`
  if (dest !== undefined) message += ` -> '${dest}'`
  const error = Object.assign(new Error(message), { errno: ownErrno.get(code) ?? errno, code, syscall })
  return Object.assign(error, path === undefined ? {} : { path }, dest === undefined ? {} : { dest })
}

/** Adds to an error what to do about it: to its message, and to its stack, which has shown the message since it was made. */
export function withAdvice<E extends Error>(error: E, advice: string): E {
  const { message, stack } = error
  error.message = `${message}: ${advice}`
  if (stack !== undefined) error.stack = stack.replace(message, () => error.message)
  return error
}

/** As Node's core: name AbortError, code ABORT_ERR, the signal's reason as cause. Where it is a time limit of ours, that one's error. */
export function abortError(signal: AbortSignal): Error {
  if (signal.reason instanceof RingTimeoutError) return signal.reason
  const error = new Error('The operation was aborted', { cause: signal.reason })
  error.name = 'AbortError'
  return Object.assign(error, { code: 'ABORT_ERR' })
}

/** How core's messages show what they received. */
function show(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return `type string ('${value.length > 28 ? `${value.slice(0, 25)}...` : value}')`
    case 'object':
      return value === null ? 'null' : `an instance of ${Object.prototype.toString.call(value).slice(8, -1)}`
    case 'function':
      return `function ${value.name}`
    case 'undefined':
      return 'undefined'
    case 'bigint':
      return `type bigint (${value}n)`
    case 'symbol':
      return `type symbol (${value.toString()})`
    case 'number':
    case 'boolean':
      return `type ${typeof value} (${value})`
  }
}

/** ERR_INVALID_ARG_TYPE, as Node's core words it. */
export function invalidArgType(name: string, expected: string, value: unknown): TypeError {
  return Object.assign(new TypeError(`The "${name}" argument must be ${expected}. Received ${show(value)}`), {
    code: 'ERR_INVALID_ARG_TYPE',
  })
}

/** ERR_INVALID_ARG_VALUE, as Node's core words it. */
export function invalidArgValue(name: string, value: unknown, reason: string): TypeError {
  return Object.assign(new TypeError(`The argument '${name}' ${reason}. Received ${show(value)}`), {
    code: 'ERR_INVALID_ARG_VALUE',
  })
}

/** ERR_OUT_OF_RANGE, as Node's core words it. */
export function outOfRange(name: string, range: string, value: unknown): RangeError {
  return Object.assign(
    new RangeError(`The value of "${name}" is out of range. It must be ${range}. Received ${String(value)}`),
    {
      code: 'ERR_OUT_OF_RANGE',
    },
  )
}
