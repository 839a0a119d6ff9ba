// Legs as they are run, with oracles that are not ours: the kernel's account of bytes and of system calls, /proc of other processes, a process that is
// stopped from outside, checksums.
import { spawn, spawnSync } from 'node:child_process'
import { closeSync, constants, existsSync, openSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { legSeconds, runLeg } from '../../services/measure/leg.ts'
import { machineSubject } from '../../services/measure/subject.ts'
import { windowWarmupSeconds } from '../../services/measure/order.ts'
import type { LegOrder, WindowResult } from '../../services/measure/order.ts'
import type { RecordedVisit } from '../../services/recording/format.ts'
import type { Layout } from '../../services/tune/types.ts'
import { tasks } from '../bench/process-facts.ts'
import { eventually, temporaryFolder } from '../services/harness.ts'
import { contentsOf, dataIn, fillFolder, layout, orderIn } from './harness.ts'

const folder = temporaryFolder()
const program = fileURLToPath(new URL('../../dist/services/measure/leg/main.js', import.meta.url))
const workloads = ['random-read', 'sequential-read', 'durable-append', 'small-files', 'mixed'] as const
const apis = ['rings', 'fs-promises', 'fs-sync'] as const

// At once: what is skipped depends on the file.
fillFolder(folder.path)

afterAll(() => {
  folder.remove()
})

const hasDirect = (): boolean => {
  try {
    closeSync(openSync(join(folder.path, 'large'), constants.O_RDONLY | constants.O_DIRECT))
    return true
  } catch {
    return false
  }
}

const isAlive = (pid: number): boolean => {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

async function firstWindow(order: LegOrder): Promise<WindowResult> {
  return (await runLeg(order)).windows[0]!
}

describe('a leg', () => {
  it('leaves the user’s files and folder as they are, whatever the workload and the API', async () => {
    const before = contentsOf(folder.path)
    for (const workload of workloads) {
      for (const api of apis) {
        const { operations, bytes } = await firstWindow(orderIn(folder.path, { api, workload, layout: null }))
        expect(operations, `${workload} by ${api}`).toBeGreaterThan(0)
        expect(bytes).toBeGreaterThan(0)
      }
    }
    expect(contentsOf(folder.path)).toEqual(before)
  })

  it('has the layout it was told: pollers, batches, registered memory, direct descriptors, clients', async () => {
    const layouts: Partial<Layout>[] = [
      { poller: 'kernel', rings: 2, sqThreads: 'shared', ioWorkersMax: 2 },
      { poller: 'worker', buffers: 'registered' },
      { poller: 'threadpool' },
      { files: 'direct', buffers: 'registered', rings: 2 },
      { batch: 2 },
      { clients: 2 },
    ]
    for (const changed of layouts) {
      const told = { ...layout, ...changed }
      const options = { workload: 'random-read', data: dataIn(folder.path), blockBytes: 4096 } as const
      const subject = machineSubject({ ...options, latency: { kind: 'closed' }, warmupSeconds: 0 })
      const sample = await subject.measure(told, 0.05)
      expect(sample.operations, JSON.stringify(changed)).toBeGreaterThan(0)
      expect(sample.bytesPerSecond / sample.operationsPerSecond).toBeCloseTo(4096)
    }
    const { used } = await runLeg(orderIn(folder.path, { layout: { ...layout, poller: 'worker', rings: 2 } }))
    expect(used).toBe('2 rings, poller worker')
  })

  it('says why the machine cannot have a layout, and the next leg is none the worse', async () => {
    const impossible = (changed: Partial<Layout>): Promise<unknown> =>
      machineSubject({
        workload: 'random-read',
        data: dataIn(folder.path),
        blockBytes: 4096,
        latency: { kind: 'closed' },
      })
        .measure({ ...layout, ...changed }, 0.05)
        .catch((error: unknown) => error)
    const error = { name: 'LayoutImpossibleError' }
    expect(await impossible({ poller: 'kernel', sqThreadCpu: 8191 })).toMatchObject(error)
    expect(await impossible({ rings: 65 })).toMatchObject(error)
    expect(await impossible({ files: 'direct', batch: 2 })).toMatchObject(error)
    expect((await firstWindow(orderIn(folder.path))).operations).toBeGreaterThan(0)
  })

  it('reports what did not work, and an order that is cut short by a signal rejects with its reason', async () => {
    const gone = orderIn(folder.path, { data: dataIn(folder.path, { file: '/no/such/file', cache: 'direct' }) })
    await expect(runLeg(gone)).rejects.toMatchObject({
      name: 'LegFailedError',
      message: expect.stringContaining('ENOENT') as string,
    })
    const reason = new Error('enough')
    const abort = new AbortController()
    let pid = 0
    const long = orderIn(folder.path, { windows: [{ seconds: 60, load: { kind: 'closed' }, depth: 4 }] })
    const options = { signal: abort.signal, onStart: (id: number) => (pid = id), onStep: () => abort.abort(reason) }
    await expect(runLeg(long, options)).rejects.toBe(reason)
    expect(isAlive(pid)).toBe(false)
  })

  it('leaves no file behind when it is killed in the middle of its writes, and when it hangs it is ended', async () => {
    const before = readdirSync(folder.path)
    const long = orderIn(folder.path, {
      workload: 'mixed',
      windows: [{ seconds: 60, load: { kind: 'closed' }, depth: 4 }],
    })
    let pid = 0
    const kill = (step: string): void => void (step === 'window' && process.kill(pid, 'SIGKILL'))
    await expect(runLeg(long, { onStart: (id) => (pid = id), onStep: kill })).rejects.toMatchObject({
      name: 'LegFailedError',
    })
    expect(readdirSync(folder.path)).toEqual(before)
    const stop = (step: string): void => void (step === 'window' && process.kill(pid, 'SIGSTOP'))
    const hanging = runLeg(long, { limitSeconds: 3, onStart: (id) => (pid = id), onStep: stop })
    await expect(hanging).rejects.toThrow('killed after 3 s')
    expect(isAlive(pid)).toBe(false)
  })

  it('ends with its parent, even one that is killed, and removes the data that was ours', async () => {
    const own = temporaryFolder()
    fillFolder(own.path)
    const windows = [{ seconds: 60, load: { kind: 'closed' as const }, depth: 4 }]
    const order = orderIn(own.path, { windows, data: dataIn(own.path, { ownFolder: own.path }) })
    const leg = new URL('../../dist/services/measure/leg.js', import.meta.url).href
    const script = `import { runLeg } from '${leg}'
      let pid = 0
      await runLeg(${JSON.stringify(order)}, { onStart: (id) => (pid = id), onStep: (step) => {
        if (step !== 'window') return
        console.log(pid)
        process.kill(process.pid, 'SIGKILL')
      } })`
    const { stdout, signal } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' })
    expect(signal).toBe('SIGKILL')
    const pid = Number(stdout.trim())
    expect(pid).toBeGreaterThan(0)
    expect(await eventually(() => !isAlive(pid) && !existsSync(own.path))).toBe(true)
  })
})

const hasStrace = spawnSync('strace', ['-V']).error === undefined

/** Runs a leg below strace; what it answered, and the lines of those calls. */
async function traced(order: LegOrder, calls: string): Promise<{ window: WindowResult; lines: string[] }> {
  const log = join(folder.path, 'calls')
  const command = ['-f', '-o', log, '-e', `trace=${calls}`, process.execPath, program]
  const child = spawn('strace', command, { stdio: ['pipe', 'pipe', 'ignore'] })
  // Not ended: a leg ends when its stdin does.
  child.stdin.write(`${JSON.stringify(order)}\n`)
  const answers = (await text(child.stdout))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { kind: string; windows?: WindowResult[] })
  const lines = readFileSync(log, 'utf8').split('\n')
  rmSync(log)
  const window = answers.at(-1)?.windows?.[0]
  if (window === undefined) throw new Error(JSON.stringify(answers))
  return { window, lines }
}

describe('what a leg counts', () => {
  it.skipIf(!hasDirect())('bytes: as many as the kernel says came from the device', async () => {
    const data = dataIn(folder.path, { cache: 'direct' })
    for (const api of apis) {
      const { bytes, deviceReadBytes } = await firstWindow(orderIn(folder.path, { api, layout: null, data }))
      expect(deviceReadBytes, api).toBe(bytes)
    }
  })

  it.skipIf(!hasStrace)('operations: as many as strace sees system calls', async () => {
    const data = { ...dataIn(folder.path), paths: [] }
    const { window, lines } = await traced(orderIn(folder.path, { api: 'fs-sync', layout: null, data }), 'pread64')
    const reads = lines.filter((line) => / = 4096$/.test(line))
    expect(reads.length).toBeGreaterThan(0)
    expect(window.operations).toBe(reads.length)
  })

  it('CPU: at least what /proc said meanwhile of all its threads, the kernel’s SQ thread among them', async () => {
    const seconds = 1
    const order = orderIn(folder.path, {
      layout: { ...layout, poller: 'kernel' },
      windows: [{ seconds, load: { kind: 'closed' }, depth: 4 }],
    })
    let pid = 0
    let seen: Promise<{ all: number; sq: number }> | null = null
    const watch = async (): Promise<{ all: number; sq: number }> => {
      const sum = (sq: boolean): number =>
        tasks(pid).reduce((total, task) => total + (sq && !task.name.startsWith('iou-sqp') ? 0 : task.cpuNs), 0)
      const before = { all: sum(false), sq: sum(true) }
      await sleep(seconds * 400)
      return { all: sum(false) - before.all, sq: sum(true) - before.sq }
    }
    const onStep = (step: string): void => {
      if (step === 'window') seen = watch()
    }
    const { windows } = await runLeg(order, { onStart: (id) => (pid = id), onStep })
    const { all, sq } = await seen!
    expect(sq).toBeGreaterThan(0)
    // A clock tick each way, where the kernel keeps no finer account.
    expect(windows[0]!.cpuNs + 20e6).toBeGreaterThanOrEqual(all)
  })
})

// With threads that make system calls, so that strace sees what the file service and the replay ask for; rings are asked in the same words.
const threads = { ...layout, poller: 'threadpool' } as const

describe('a leg over HTTP', () => {
  const http = (more: Partial<LegOrder> = {}): LegOrder => {
    const data = dataIn(folder.path, { file: null, root: folder.path })
    return orderIn(folder.path, { workload: 'http', layout: threads, data, ...more })
  }

  it.skipIf(!hasStrace)(
    'opens a file for each request that was answered, and for each whose bytes were compared',
    async () => {
      const { window, lines } = await traced(http(), 'openat2')
      const opened = lines.filter((line) => /openat2\(.*"small-\d+".* = \d+$|resumed>.* = \d+$/.test(line))
      expect(window.operations).toBeGreaterThan(0)
      expect(opened.length).toBe(window.operations + 20)
      const sizes = http().data.paths.map((path) => statSync(path).size)
      const wanted = Array.from({ length: window.operations }, (_, at) => sizes[at % sizes.length]!)
      expect(window.bytes).toBe(wanted.reduce((sum, size) => sum + size, 0))
    },
  )

  it('has latencies by plan, at a share of what it did before, and leaves no process', async () => {
    const before = contentsOf(folder.path)
    const windows = [
      { seconds: 0.3, load: { kind: 'closed' as const }, depth: 4 },
      { seconds: 0.3, load: { kind: 'paced' as const, share: 0.5 }, depth: 4 },
    ]
    let [pid, helper] = [0, 0]
    const onStep = (): void => {
      helper = Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')[0])
    }
    const { windows: done } = await runLeg(http({ layout, windows }), { onStart: (id) => (pid = id), onStep })
    const [closed, open] = [done[0]!, done[1]!]
    expect(open.offeredPerSecond).toBeCloseTo((closed.operations / closed.seconds) * 0.5)
    expect(open.operations + open.overdue).toBeGreaterThan(0)
    expect(open.p99Ns).toBeGreaterThanOrEqual(open.p50Ns)
    expect(helper).toBeGreaterThan(0)
    expect(await eventually(() => !isAlive(helper))).toBe(true)
    expect(contentsOf(folder.path)).toEqual(before)
  })

  it('fails where the server does not have what is asked for, and says so', async () => {
    const other = temporaryFolder()
    const data = dataIn(folder.path, { file: null, root: other.path })
    await expect(runLeg(http({ data }))).rejects.toMatchObject({
      name: 'LegFailedError',
      message: expect.stringContaining('the server answered 404') as string,
    })
    other.remove()
  })
})

describe('a leg that replays', () => {
  const visits: RecordedVisit[] = [
    { file: 0, atMs: 0, operations: [['open'], ['stat'], ['read', 4096, 1000], ['read', 8192, 2000], ['close']] },
    { file: 1, atMs: 1, operations: [['open'], ['stat'], ['read', 0, 500], ['close']] },
    { file: 0, atMs: 2, operations: [['read', 12_288, 3000], ['write', 0, 700], ['sync']] },
  ]
  const replay = (more: Partial<LegOrder> = {}): LegOrder => {
    const paths = ['large', 'small-3'].map((name) => join(folder.path, name))
    const data = dataIn(folder.path, { file: null, paths, visits, root: folder.path })
    const windows = [{ seconds: 0.1, load: { kind: 'closed' as const }, depth: 1 }]
    return orderIn(folder.path, { workload: 'recorded', layout: threads, data, windows, ...more })
  }

  /** What so many operations come to: lengths of those that are system calls with one. */
  const done = (operations: number): { lengths: number[]; offsets: number[]; bytes: number } => {
    const cycle = visits.flatMap((visit) => visit.operations)
    const all = Array.from({ length: operations }, (_, at) => cycle[at % cycle.length]!)
    const calls = all.filter(([kind]) => ['read', 'write', 'sync'].includes(kind))
    const lengths = calls.map(([, , length = 0]) => length)
    const offsets = all.flatMap(([kind, offset = 0]) => (kind === 'read' ? [offset] : []))
    return { lengths, offsets, bytes: lengths.reduce((sum, length) => sum + length, 0) }
  }

  it.skipIf(!hasStrace)('asks for what was recorded, in that order, again and again', async () => {
    const { window, lines } = await traced(replay(), 'pread64,preadv2,pwrite64,pwritev2,fdatasync')
    const call = /(?:pread64|preadv2|pwrite64|pwritev2|fdatasync)\(.* = \d+$/
    const whole = lines.map((line) => call.exec(line)?.[0]).filter((line) => line !== undefined)
    const moved = whole.map((line) => Number(/ = (\d+)$/.exec(line)?.[1]))
    // Reading ahead into the page cache before the window is by 1 MiB and to the end.
    const from = moved.indexOf(1000)
    const { lengths, offsets, bytes } = done(window.operations)
    expect(lengths.length).toBeGreaterThan(0)
    expect(moved.slice(from)).toEqual(lengths)
    const reads = whole.slice(from).filter((line) => line.startsWith('pread'))
    expect(reads.map((line) => Number(/, (\d+)(?:, \S+)?\) = /.exec(line)?.[1]))).toEqual(offsets)
    expect(window.bytes).toBe(bytes)
  })

  it('counts operations and bytes, writes into no file of the user’s, and runs on every poller', async () => {
    const before = contentsOf(folder.path)
    for (const poller of ['caller', 'worker', 'threadpool'] as const) {
      const { operations, bytes } = await firstWindow(replay({ layout: { ...layout, poller } }))
      expect(operations).toBeGreaterThan(0)
      expect(bytes, poller).toBe(done(operations).bytes)
    }
    expect(contentsOf(folder.path)).toEqual(before)
  })
})

describe('a leg with a rate', () => {
  it('counts from the intended start: a stall that closed loop hides is in the 99th percentile', async () => {
    const stallMs = 600
    const seconds = 2
    const stalled = async (load: LegOrder['windows'][number]['load']): Promise<WindowResult> => {
      let pid = 0
      const stall = async (): Promise<void> => {
        await sleep(200)
        process.kill(pid, 'SIGSTOP')
        await sleep(stallMs)
        process.kill(pid, 'SIGCONT')
      }
      const onStep = (step: string): void => {
        if (step === 'window') void stall()
      }
      const order = orderIn(folder.path, { windows: [{ seconds, load, depth: 4 }] })
      return (await runLeg(order, { onStart: (id) => (pid = id), onStep })).windows[0]!
    }
    const closed = await stalled({ kind: 'closed' })
    const open = await stalled({ kind: 'open', operationsPerSecond: 500 })
    const longest = (window: WindowResult): number => window.spectrum.at(-1)![1]
    expect(longest(closed)).toBeGreaterThan(stallMs * 0.9e6)
    expect(longest(open)).toBeGreaterThan(stallMs * 0.9e6)
    expect(open.p99Ns).toBeGreaterThan(stallMs * 0.5e6)
    expect(closed.p99Ns).toBeLessThan(stallMs * 0.5e6)
  })

  it('says what was asked and what was done of it, and counts what was not begun in time', async () => {
    const load = { kind: 'open', operationsPerSecond: 200_000 } as const
    const order = orderIn(folder.path, { workload: 'durable-append', windows: [{ seconds: 0.4, load, depth: 1 }] })
    const { operations, overdue, offeredPerSecond, seconds, p50Ns } = await firstWindow(order)
    expect(offeredPerSecond).toBe(200_000)
    expect(operations / seconds).toBeLessThan(200_000)
    // The plan begins some microseconds into the window.
    expect(operations + overdue).toBeGreaterThan(79_000)
    expect(operations + overdue).toBeLessThanOrEqual(80_000)
    expect(overdue).toBeGreaterThan(0)
    expect(p50Ns).toBeGreaterThan(50e6)
  })

  it('warms up each kind of load before it is measured, and is given the time for that', async () => {
    const closed = { seconds: 0.1, load: { kind: 'closed' as const }, depth: 4 }
    const paced = { seconds: 0.1, load: { kind: 'paced' as const, share: 0.5 }, depth: 4 }
    const order = orderIn(folder.path, { warmupSeconds: 0.1, windows: [closed, paced, paced] })
    expect([0, 1, 2].map((index) => windowWarmupSeconds(order, index))).toEqual([0, 0.1, 0])
    expect(legSeconds(order)).toBeCloseTo(0.5)
    const { windows, noise } = await runLeg(order)
    expect(windows.length).toBe(3)
    expect(noise.otherShare).toBeLessThanOrEqual(1)
  })

  it('paces the window after at a share of the one before', async () => {
    const windows = [
      { seconds: 0.2, load: { kind: 'closed' as const }, depth: 4 },
      { seconds: 0.2, load: { kind: 'paced' as const, share: 0.1 }, depth: 4 },
    ]
    const [first, second] = (await runLeg(orderIn(folder.path, { windows }))).windows
    expect(second!.offeredPerSecond).toBeCloseTo((first!.operations / first!.seconds) * 0.1)
  })
})
