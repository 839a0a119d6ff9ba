// The process that asks a leg's server for files: so many requests at a time over connections that are kept, in closed loop or by plan. It is one of its
// own, so that its CPU is not counted as the server's. Started by http-team.ts; ends when that one's process does.
import { createHash } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { Pool } from 'undici'
import type { Dispatcher } from 'undici'
import { LatencyHistogram } from '../latency-histogram.ts'
import type { AskedFile, LoadAnswer, LoadOrder, LoadWindow } from './http-protocol.ts'
import { closedLoop, openLoop } from './loops.ts'
import type { Tally } from './loops.ts'
import type { Work } from './work.ts'

/** Of an answer that does not come: the leg has failed then. */
const answerMsMax = 10_000
/** What is compared byte for byte before anything is measured; lengths always are. */
const compared = { filesMax: 64, bytesMax: 16 << 20 } as const

/** One answer. Its body is counted as it comes, and kept only where it is to be looked at. */
class Answer implements Dispatcher.DispatchHandlers {
  private status = 0
  private sizeBytes = 0
  private readonly chunks: Buffer[] | null
  private readonly resolve: (bytes: number) => void
  private readonly reject: (error: Error) => void

  constructor(chunks: Buffer[] | null, resolve: (bytes: number) => void, reject: (error: Error) => void) {
    this.chunks = chunks
    this.resolve = resolve
    this.reject = reject
  }

  onConnect(): void {
    // Nothing is ever taken back.
  }

  onHeaders(status: number): boolean {
    this.status = status
    return true
  }

  onData(chunk: Buffer): boolean {
    this.sizeBytes += chunk.length
    this.chunks?.push(chunk)
    return true
  }

  onComplete(): void {
    if (this.status === 200) this.resolve(this.sizeBytes)
    else this.reject(new Error(`the server answered ${this.status}`))
  }

  onError(error: Error): void {
    this.reject(error)
  }
}

class Asker implements Work {
  readonly lanes: number
  readonly operationsPerStart = 1
  private readonly pool: Pool
  private readonly files: readonly (AskedFile & { readonly sizeBytes: number })[]
  /** Of each lane: how long its answer has to be. */
  private readonly wanted: Float64Array
  private next = 0

  constructor(port: number, files: readonly AskedFile[], depth: number) {
    this.lanes = depth
    this.wanted = new Float64Array(depth)
    this.files = files.map((file) => ({ ...file, sizeBytes: statSync(file.path).size }))
    this.pool = new Pool(`http://127.0.0.1:${port}`, {
      connections: depth,
      pipelining: 1,
      headersTimeout: answerMsMax,
      bodyTimeout: answerMsMax,
    })
  }

  start(lane: number): Promise<number> {
    if (this.next === this.files.length) this.next = 0
    const { target, sizeBytes } = this.files[this.next++]!
    this.wanted[lane] = sizeBytes
    return this.ask(target, null)
  }

  finish(moved: unknown, lane: number): number {
    const wanted = this.wanted[lane]!
    if (moved !== wanted)
      throw new Error(`an answer had ${String(moved)} of ${wanted} bytes: is the file changed by somebody?`)
    return wanted
  }

  /** Some of the files, over the whole list, against what node:fs reads. */
  async compare(): Promise<void> {
    const step = Math.max(1, Math.floor(this.files.length / compared.filesMax))
    let leftBytes: number = compared.bytesMax
    for (let at = 0; at < this.files.length; at += step) {
      const { target, path, sizeBytes } = this.files[at]!
      leftBytes -= sizeBytes
      if (leftBytes < 0 && at > 0) return
      const chunks: Buffer[] = []
      await this.ask(target, chunks)
      const hash = (parts: readonly Buffer[]): string => {
        const all = createHash('sha256')
        for (const part of parts) all.update(part)
        return all.digest('hex')
      }
      if (hash(chunks) !== hash([readFileSync(path)]))
        throw new Error(`what the server answers is not what is in ${path}`)
    }
  }

  private ask(path: string, chunks: Buffer[] | null): Promise<number> {
    return new Promise((resolve, reject) => {
      this.pool.dispatch({ path, method: 'GET' }, new Answer(chunks, resolve, reject))
    })
  }

  close(): Promise<void> {
    return this.pool.close()
  }
}

let port = 0
let files: readonly AskedFile[] = []
let asker: Asker | null = null
const latency = new LatencyHistogram()

async function perform({ seconds, depth, operationsPerSecond }: LoadWindow): Promise<LoadAnswer> {
  if (asker?.lanes !== depth) {
    await asker?.close()
    asker = new Asker(port, files, depth)
  }
  latency.reset()
  const tally: Tally = { operations: 0, bytes: 0, overdue: 0, latency }
  const cpuBefore = process.cpuUsage()
  const startedMs = performance.now()
  const deadlineMs = startedMs + seconds * 1000
  if (operationsPerSecond === null) await closedLoop(asker, deadlineMs, tally)
  else await openLoop(asker, operationsPerSecond, deadlineMs, tally)
  const tookMs = performance.now() - startedMs
  const cpu = process.cpuUsage(cpuBefore)
  const { operations, bytes, overdue } = tally
  const result = { seconds: tookMs / 1000, operations, bytes, overdue, counts: latency.counts, maxNs: latency.max }
  return { kind: 'done', result, cpuNs: (cpu.user + cpu.system) * 1000 }
}

async function obey(order: LoadOrder): Promise<LoadAnswer> {
  if (order.kind === 'window') return perform(order)
  port = order.port
  files = order.files
  asker = new Asker(port, files, 1)
  await asker.compare()
  return { kind: 'ready' }
}

const say = (answer: LoadAnswer): void => void process.send?.(answer)

process.on('disconnect', () => process.exit(0))
process.on('message', (order: LoadOrder) => {
  obey(order).then(say, (error: unknown) => {
    say({ kind: 'failed', reason: error instanceof Error ? error.message : String(error) })
  })
})
