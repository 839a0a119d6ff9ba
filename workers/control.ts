// What is said to a ring worker, and how: comlink over a MessagePort. Typed, slow, rare: nothing of I/O goes this way.
// Two things comlink loses are put back here: an error's fields, and a worker's death (every call is raced against it).
import { setTimeout as sleep } from 'node:timers/promises'
import * as Comlink from 'comlink'
import type { MessagePort, TransferListItem } from 'node:worker_threads'
import { ringErrors } from '../native/errors.ts'
import type { ClientRingOpened, ClientRingTask } from './client-ring.ts'
import type { RegisterAnswer, RegisterHere } from './remote-register.ts'

/** What is asked of whoever has a ring's other end: its worker, or, of a client, the thread that started the rings. */
export interface RingControl {
  /** The thread that owns the ring, as the kernel numbers it. */
  threadId(): number
  /** io_uring_register(2) by this thread. */
  register(...call: Parameters<RegisterHere>): RegisterAnswer | Promise<RegisterAnswer>
  /** Lets go of the ring: stops polling, closes what the worker holds. Safe to repeat. */
  close(): void | Promise<void>
}

/** What a ring worker answers to. */
export interface RingWorkerControl extends RingControl {
  /** Opens a ring for a client, served by this thread's poller or by its ring's SQ thread. */
  openRing(task: ClientRingTask): ClientRingOpened
  /** io_uring_register(2) by this thread, on a client's ring. */
  registerFor(client: number, ...call: Parameters<RegisterHere>): RegisterAnswer
  /** Lets go of a client's ring. Safe to repeat. */
  closeRing(client: number): void
  /** Runs a module of the layers above in this thread: imports it and hands its default export the port. */
  run(moduleUrl: string, port: MessagePort): Promise<void>
}

/** Causes of causes that are sent along. */
const causesMax = 8

const errorFields = ['code', 'errno', 'syscall', 'path', 'dest', 'reason'] as const

/** An error as it travels. */
export interface SentError {
  readonly isError: boolean
  readonly value: unknown
}

/** An error as plain data: structured clone would drop `code` and its kind. */
export function packError(error: unknown, depth = 0): SentError {
  if (!(error instanceof Error)) return { isError: false, value: error }
  const fields: Record<string, unknown> = { name: error.name, message: error.message, stack: error.stack }
  for (const field of errorFields) {
    const value: unknown = Reflect.get(error, field)
    if (value !== undefined) fields[field] = value
  }
  // An error may be its own cause.
  if (error.cause !== undefined && depth < causesMax) fields['cause'] = packError(error.cause, depth + 1)
  return { isError: true, value: fields }
}

/** The error that packError() packed. */
export function unpackError(sent: SentError): unknown {
  if (!sent.isError) return sent.value
  const { cause, message, name, stack, ...fields } = sent.value as Record<string, unknown>
  const error = new Error(String(message))
  if (cause !== undefined) error.cause = unpackError(cause as SentError)
  Object.defineProperty(error, 'name', { value: name, configurable: true, writable: true })
  Object.defineProperty(error, 'stack', { value: stack, configurable: true, writable: true })
  return Object.assign(error, fields)
}

/** Comlink's own handler keeps message, name and stack only. Installed on both sides, once per thread. */
function keepErrorFields(): void {
  Comlink.transferHandlers.set('throw', {
    canHandle: (value): value is { value: unknown } =>
      typeof value === 'object' && value !== null && Object.getOwnPropertySymbols(value).length > 0 && 'value' in value,
    serialize: ({ value }: { value: unknown }) => [packError(value), []],
    deserialize: (sent: SentError) => {
      throw unpackError(sent)
    },
  })
}

/** What comlink calls a listener: a function of an event, or an object that handles one. */
type Listener = ((event: { data: unknown }) => void) | { handleEvent(event: { data: unknown }): void }

/** A Node MessagePort as comlink wants it. It never keeps the process alive by itself. */
function endpoint(port: MessagePort): Comlink.Endpoint {
  const listeners = new Map<unknown, { readonly type: string; readonly forward: (data: unknown) => void }>()
  // Comlink keeps an endpoint for as long as there is its proxy, and a call that nobody will answer is kept by the endpoint: together they
  // would be there for ever, with all that waits for the call.
  port.once('close', () => {
    for (const { type, forward } of listeners.values()) port.off(type, forward)
    listeners.clear()
  })
  return {
    postMessage: (message: unknown, transfer?: readonly TransferListItem[]) => {
      port.postMessage(message, transfer)
    },
    addEventListener: (type: string, listener: Listener) => {
      const forward = (data: unknown): void => {
        if (typeof listener === 'function') listener({ data })
        else listener.handleEvent({ data })
      }
      listeners.set(listener, { type, forward })
      port.on(type, forward)
      port.unref()
    },
    removeEventListener: (type: string, listener: unknown) => {
      const had = listeners.get(listener)
      if (had !== undefined) port.off(type, had.forward)
      listeners.delete(listener)
    },
    start: () => {
      port.start()
    },
  }
}

/** Answers what comes over the port with the methods of `target`. */
export function expose(target: object, port: MessagePort): void {
  keepErrorFields()
  Comlink.expose(target, endpoint(port))
}

/** The worker's side. */
export function exposeControl(control: RingControl, port: MessagePort): void {
  expose(control, port)
}

/** An argument of a call whose ports are handed over with it. */
export function withPorts<T extends object>(value: T, ports: readonly MessagePort[]): T {
  return Comlink.transfer(value, [...ports])
}

/** What is called from the other side: each method answers with a promise. Comlink's own type would need the DOM's in every program. */
export type Remote<Target> = {
  readonly [Name in keyof Target]: Target[Name] extends (...args: infer Args) => infer Answer
    ? (...args: Args) => Promise<Awaited<Answer>>
    : never
}

/** The client's side: calls that settle even if the worker dies. */
export interface ControlLink<Target = RingWorkerControl> {
  call<T>(invoke: (remote: Remote<Target>) => Promise<T>): Promise<T>
  /** The worker has ended: every call, now and later, is rejected with ERR_RING_WORKER_LOST. */
  lost(cause: unknown): void
  close(): void
}

export function linkControl<Target = RingWorkerControl>(port: MessagePort): ControlLink<Target> {
  keepErrorFields()
  const remote = Comlink.wrap(endpoint(port)) as Remote<Target>
  let calls = 0
  let loseAll: (reason: Error) => void = () => undefined
  const death = new Promise<never>((_, reject) => {
    loseAll = reject
  })
  death.catch(() => undefined) // only calls in progress care
  return {
    async call(invoke) {
      if (calls++ === 0) port.ref() // a call in progress keeps the process alive, the link does not
      try {
        return await Promise.race([invoke(remote), death])
      } finally {
        if (--calls === 0) port.unref()
      }
    },
    lost: (cause) => {
      loseAll(ringErrors.workerLost(cause))
    },
    close: () => {
      port.close()
    },
  }
}

/** How long the answer to a farewell is waited for. */
const farewellMs = 2000

/** Waits for a call of which nothing but its being over is of use, and not for ever: whoever is asked may hang. Never rejects. */
export async function overSoon(call: Promise<unknown>): Promise<void> {
  const timer = new AbortController()
  const limit = sleep(farewellMs, undefined, { signal: timer.signal })
  await Promise.race([call, limit]).catch(() => undefined)
  timer.abort()
}
