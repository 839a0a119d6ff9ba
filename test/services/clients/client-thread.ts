// A client for tests: a worker thread of the program's own that joins rings of this one and does what it is told. It runs compiled
// code, as users' threads do.
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { Ringmaster } from '../../../services/ringmaster.ts'
import type { RingsHandle } from '../../../services/clients/handle.ts'

const services = new URL('../../../dist/services/index.js', import.meta.url).href
const raw = new URL('../../../dist/services/raw/index.js', import.meta.url).href

// `body` sees rings, Ringmaster, op, data and say(); what it returns is the last message but for an error's.
const program = (body: string): string => `
  const { parentPort, workerData } = require('node:worker_threads')
  const { setTimeout: sleep } = require('node:timers/promises')
  const { createHash } = require('node:crypto')
  const fs = require('node:fs')
  const { handle, data } = workerData
  const say = (value) => parentPort.postMessage({ value })
  const settled = (promise) => promise.then(() => 'resolved', (error) => error.code ?? String(error))
  const run = async () => {
    const { Ringmaster } = await import(${JSON.stringify(services)})
    const { op } = await import(${JSON.stringify(raw)})
    const join = (given = handle) => Ringmaster.join(given)
    ${body}
  }
  run().then(
    (value) => parentPort.postMessage({ done: value }),
    (error) => parentPort.postMessage({ error: error.code ?? String(error), message: error.message }),
  )`

interface Message {
  readonly value?: unknown
  readonly done?: unknown
  readonly error?: string
  readonly message?: string
}

export class ClientThread {
  readonly worker: Worker
  private readonly said: unknown[] = []
  private onSaid: () => void = () => undefined
  private readonly end: Promise<unknown>

  constructor(handle: RingsHandle | null, body: string, data: unknown = null) {
    this.worker = new Worker(program(body), {
      eval: true,
      workerData: { handle, data },
      transferList: handle?.transferList ?? [],
    })
    this.end = new Promise((resolve) => {
      this.worker.on('error', (error) => {
        resolve(String(error))
      })
      this.worker.on('exit', () => {
        resolve('exited')
      })
      this.worker.on('message', (message: Message) => {
        if ('value' in message) this.said.push(message.value)
        else resolve(message.error ?? message.done)
        this.onSaid()
      })
    })
  }

  /** What it returned, or the code of what it threw. */
  result(): Promise<unknown> {
    return this.end
  }

  /** The next thing that it says. */
  async heard(): Promise<unknown> {
    while (this.said.length === 0) {
      const news = new Promise<void>((resolve) => {
        this.onSaid = resolve
      })
      const over = this.end.then((value) => {
        throw new Error(`the client ended: ${String(value)}`)
      })
      await Promise.race([news, over])
      over.catch(() => undefined)
    }
    return this.said.shift()
  }

  tell(value: unknown): void {
    this.worker.postMessage(value)
  }

  /** Waits until the thread has ended by itself. */
  async gone(): Promise<void> {
    if (this.worker.threadId !== -1) await once(this.worker, 'exit')
  }
}

/** A thread that joins and carries out `body` with `rings`; it ends when that is over. */
export function startClient(rings: Ringmaster, body: string, data: unknown = null): ClientThread {
  return new ClientThread(rings.attach(), `const rings = await join(); ${body}`, data)
}
