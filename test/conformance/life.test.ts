// How threads and processes with rings end: whatever is in flight, with an exit code, and with nothing left behind.
import { spawnSync } from 'node:child_process'
import * as fs from 'node:fs'
import { expect, it, vi } from 'vitest'
import { op } from '../../services/raw/index.ts'
import { Ringmaster } from '../../services/ringmaster.ts'
import { descriptors, eventually, failure, threads } from '../services/harness.ts'
import { somePollers } from '../stands.ts'
import { endedWell, isGone, ringThreads, runProgram, startProgram } from './child.ts'
import { describeOnEveryRing } from './every-ring.ts'

// Each case starts Node, some a few times: on a machine that is busy with other things that takes its time.
vi.setConfig({ testTimeout: 60_000 })

/** For scripts: runs a body in a worker thread with the library at hand, to its end. */
const inThread = `
  import { Worker } from 'node:worker_threads'
  import { once } from 'node:events'
  import { readFileSync, readdirSync, readlinkSync, writeFileSync } from 'node:fs'
  const inThread = async (body, data) => {
    const worker = new Worker(
      "const { workerData: { library, rawLibrary, data, options } } = require('node:worker_threads');" +
      "(async () => { const { Ringmaster } = await import(library); const { op } = await import(rawLibrary);" + body + "})()",
      { eval: true, execArgv: [], workerData: { library: arg.library, rawLibrary: arg.rawLibrary, data, options } },
    )
    const [code] = await once(worker, 'exit')
    return code
  }
  const names = (directory, name) => readdirSync(directory).flatMap((entry) => {
    try { return [name(directory + '/' + entry)] } catch { return [] }
  })
  const left = () => [
    names('/proc/self/fd', readlinkSync).filter((target) => target.includes('io_uring')).length,
    names('/proc/self/task', (task) => readFileSync(task + '/comm', 'latin1')).filter((name) => name.startsWith('iou-sqp')).length,
  ]
  const nothingLeft = async () => {
    for (let look = 0; look < 2000 && left().join() !== '0,0'; look++) await new Promise((resolve) => setTimeout(resolve, 5))
    return left().join()
  }
`
const [library, rawLibrary] = ['index.js', 'raw/index.js'].map(
  (name) => new URL(`../../dist/services/${name}`, import.meta.url).href,
)

describeOnEveryRing(
  'life',
  (stand) => {
    it('thread-exit: what a thread has written is whole when it ends in mid-flight, and the process goes on', async () => {
      const name = stand.path()
      fs.writeFileSync(name, '')
      const script = `${inThread}
      const body = \`
        const rings = await Ringmaster.start(options)
        const raw = rings.raw()
        const { openSync } = require('node:fs')
        const fd = openSync(data, 'r+')
        const pipe = await raw.submit(op.pipe())
        for (let index = 0; index < 8; index++) {
          raw.submit(op.write({ fd, buffer: Buffer.alloc(512, 0x5a), position: index * 512 }), { async: index > 3 }).catch(() => 0)
          raw.submit(op.pollAdd({ fd: pipe.read, events: ['POLLIN'] })).catch(() => 0)
        }
        await raw.submit(op.nop())
        process.exit(5)\`
      console.log(await inThread(body, arg.name), await nothingLeft())`
      expect(await runProgram(stand.kind, script, { library, rawLibrary, name })).toEqual(endedWell('5 0,0\n'))
      const content = fs.readFileSync(name)
      expect(content.length % 512).toBe(0)
      for (let at = 0; at < content.length; at += 512)
        expect([0x5a, 0]).toContain(new Set(content.subarray(at, at + 512)).size === 1 ? content[at] : -1)
    })

    it('read-before-exit: threads that read and end at once, again and again', async () => {
      const script = `${inThread}
      const body = \`
        const raw = (await Ringmaster.start(options)).raw()
        const { read } = await raw.submit(op.pipe())
        for (let index = 0; index < 2; index++) raw.submit(op.read({ fd: read, buffer: Buffer.alloc(8) })).catch(() => 0)
        process.exit(0)\`
      const codes = []
      for (let round = 0; round < 3; round++) codes.push(await inThread(body, null))
      console.log(codes.join(), await nothingLeft())`
      expect(await runProgram(stand.kind, script, { library, rawLibrary })).toEqual(endedWell('0,0,0 0,0\n'))
    })

    it('across-fork: a child has nothing of the rings, and what is in flight around its start goes on', async () => {
      const { path, own } = stand
      const name = path()
      const fd = own(fs.openSync(name, 'w+'))
      const writes: Promise<number>[] = []
      const write = (from: number, to: number): void => {
        for (let index = from; index < to; index++)
          writes.push(stand.raw.submit(op.write({ fd, buffer: Buffer.alloc(100, index), position: index * 100 })))
      }
      write(0, 20)
      const child = spawnSync('sh', ['-c', 'ls -l /proc/self/fd; grep -c io_uring /proc/self/maps'], {
        encoding: 'utf8',
      })
      write(20, 40)
      expect(child.stdout).not.toContain('io_uring')
      expect(child.stdout.trim().endsWith('\n0')).toBe(true)
      expect(new Set(await Promise.all(writes))).toEqual(new Set([100]))
      const content = fs.readFileSync(name)
      for (let index = 0; index < 40; index++)
        expect(new Set(content.subarray(index * 100, index * 100 + 100))).toEqual(new Set([index]))
    })

    it('exit-no-cleanup: a process exits with work on kernel threads, done, running and queued', async () => {
      const script = `
      const one = (await Ringmaster.start(options)).raw()
      const { read, write } = await one.submit(op.pipe())
      const reads = Array.from({ length: 40 }, () => one.submit(op.read({ fd: read, buffer: Buffer.alloc(8) }), { async: true }))
      for (const reading of reads) reading.catch(() => undefined)
      await one.submit(op.write({ fd: write, buffer: Buffer.alloc(8) }))
      await Promise.race(reads)
      process.exit(3)`
      expect(await runProgram(stand.kind, script)).toEqual({ ...endedWell(), code: 3 })
    })

    it("ring-leak: a ring's descriptor cannot be sent away, so that no ring keeps itself alive", async () => {
      const { raw, path, own } = stand
      const address = { path: path() }
      const unix = { family: 'AF_UNIX', type: 'SOCK_STREAM' } as const
      const listener = own(await raw.submit(op.socket(unix)))
      await raw.submit(op.bind({ fd: listener, address }))
      await raw.submit(op.listen({ fd: listener }))
      const client = own(await raw.submit(op.socket(unix)))
      await raw.submit(op.connect({ fd: client, address }))
      own(await raw.submit(op.accept({ fd: listener })))
      const buffers = [Buffer.from('x')]
      const short = await Ringmaster.start({ rings: 1, ...stand.kind })
      const ring = short.raw()
      for (const ringFd of [ring.ringFd, raw.ringFd])
        expect(await failure(raw.submit(op.sendmsg({ fd: client, buffers, descriptors: [ringFd] })))).toMatchObject({
          code: 'EINVAL',
        })
      // Nor can it stand in a ring's own table; in another's it can, and goes with that.
      expect(await failure(ring.submit(op.filesUpdate({ descriptors: [ring.ringFd], index: 1 })))).toMatchObject({
        code: 'EBADF',
      })
      const before = descriptors().filter((target) => target.includes('io_uring')).length
      await short.close()
      expect(descriptors().filter((target) => target.includes('io_uring')).length).toBe(before - 1)
    })

    it('ring-leak2: two rings that wait for each other, with work on kernel threads, end with their process', async () => {
      const script = `
      const rings = await Ringmaster.start(options)
      const [one, two] = [rings.raw(0), rings.raw(1)]
      const eventFd = binding().eventfd()
      const waits = [
        one.submit(op.read({ fd: eventFd, buffer: Buffer.alloc(8) }), { async: true }),
        two.submit(op.read({ fd: eventFd, buffer: Buffer.alloc(8) }), { async: true }),
        one.submit(op.pollAdd({ fd: two.ringFd, events: ['POLLIN'] })),
        two.submit(op.pollAdd({ fd: one.ringFd, events: ['POLLIN'] })),
      ]
      for (const waiting of waits) waiting.catch(() => undefined)
      console.log('waiting')`
      const exits = await runProgram(stand.kind, `${script}\nsetImmediate(() => process.exit(0))`)
      expect(exits).toEqual(endedWell('waiting\n'))
      const program = startProgram(stand.kind, script)
      expect(await eventually(() => program.printed() === 'waiting\n', 20_000)).toBe(true)
      const { pid } = program.child
      program.child.kill('SIGKILL')
      expect(await program.ended).toMatchObject({ signal: 'SIGKILL', stderr: '' })
      expect(await eventually(() => isGone(pid!) && ringThreads(pid!).length === 0)).toBe(true)
    })

    it('files-exit-hang-poll: a process exits while it listens, accepts and polls', async () => {
      const script = `
      const raw = (await Ringmaster.start(options)).raw()
      const fd = await raw.submit(op.socket({ family: 'AF_INET', type: 'SOCK_STREAM' }))
      await raw.submit(op.bind({ fd, address: { address: '127.0.0.1', port: 0 } }))
      await raw.submit(op.listen({ fd }))
      raw.submit(op.accept({ fd })).catch(() => undefined)
      raw.submit(op.pollAdd({ fd, events: ['POLLIN'] })).catch(() => undefined)
      await raw.submit(op.nop())
      process.exit(0)`
      expect(await runProgram(stand.kind, script)).toEqual(endedWell())
    })

    it('files-exit-hang-timeout: a process exits with a link timeout running', async () => {
      const script = `
      const raw = (await Ringmaster.start(options)).raw()
      const { read } = await raw.submit(op.pipe())
      raw.chain().link(op.read({ fd: read, buffer: Buffer.alloc(8) })).timeout(100_000).submit().catch(() => undefined)
      await raw.submit(op.nop())
      process.exit(0)`
      expect(await runProgram(stand.kind, script)).toEqual(endedWell())
    })

    it('io-wq-exit: a process ends by itself when all that its kernel threads had to do is done', async () => {
      const script = `
      const rings = await Ringmaster.start(options)
      const raw = rings.raw()
      const nops = await Promise.all(Array.from({ length: 50 }, (_, result) => raw.submit(op.nop({ result }), { async: true })))
      console.log(nops.length)`
      expect(await runProgram(stand.kind, script)).toEqual(endedWell('50\n'))
    })

    it('teardowns: rings that are made and closed again and again leave nothing', async () => {
      const { kind } = stand
      const own = { rings: 2, sqEntries: 64, closeGraceMs: 0, ...kind }
      await (await Ringmaster.start(own)).close()
      const held = (): string => JSON.stringify([descriptors(), threads().filter((name) => name.startsWith('iou-sqp'))])
      const before = held()
      for (let round = 0; round < 5; round++) {
        const rings = await Ringmaster.start(own)
        const reading = rings
          .raw()
          .submit(op.pollAdd({ fd: rings.raw(1).ringFd, events: ['POLLIN'] }))
          .catch(() => 'cancelled')
        await rings.close()
        await reading
      }
      expect(await eventually(() => held() === before)).toBe(true)
    })
  },
  {},
  (kind) => somePollers.includes(kind),
)
