// How a process ends that has rings with thousands of requests in flight: with its own exit code, no crash, and whatever was said to be
// done really done. Inside 'exit' closeSync() brings to its end what is in flight.
import { execFileSync } from 'node:child_process'
import { constants, closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { inTurn } from '../stands.ts'
import { eventually, fieldOf, temporaryFolder } from './harness.ts'
import { everyWay, runProgram, startProgram } from './programs.ts'

// Each case starts Node: on a machine that is busy with other things that takes its time.
vi.setConfig({ testTimeout: 60_000 })

const folder = temporaryFolder()
afterAll(() => {
  folder.remove()
})
let names = 0
const fresh = (): string => join(folder.path, `file${names++}`)
function makePipe(): string {
  const path = fresh()
  execFileSync('mkfifo', [path])
  return path
}

const blocks = 3000
const blockBytes = 512
/** Starts rings and writes many blocks, each of its own bytes, without waiting; `done` are those that were said to be written. */
const writing = `
  const rings = await start({ closeGraceMs: 30_000 }) // as long as all of them take
  const file = await rings.open(arg.path, 'w+')
  const done = [], failed = []
  for (let index = 0; index < ${blocks}; index++) {
    const block = Buffer.alloc(${blockBytes}, 1 + (index % 255))
    file.write(block, 0, ${blockBytes}, index * ${blockBytes}).then(() => done.push(index), (error) => failed.push(error.code))
  }
`

/** What became of each block: 'written', 'absent' (zeros, or behind the end), or 'wrong'. */
function blocksOf(path: string): string[] {
  const bytes = readFileSync(path)
  return Array.from({ length: blocks }, (_, index) => {
    const block = bytes.subarray(index * blockBytes, (index + 1) * blockBytes)
    if (block.every((byte) => byte === 0)) return 'absent'
    return block.length === blockBytes && block.every((byte) => byte === 1 + (index % 255)) ? 'written' : 'wrong'
  })
}
const kinds = (found: readonly string[]): string[] => [...new Set(found)].sort()
/** Without the addon it is the event loop that carries requests out, and it does not turn inside 'exit'. */
const carriesOut = (way: string): boolean => way !== 'plain'

describe.each(everyWay)('a process with poller %s', (way) => {
  it.each(['closeSync()', 'close()'])("has written everything when %s is called inside 'exit'", async (call) => {
    const path = fresh()
    const script = `${writing}
      process.on('exit', (code) => {
        const closed = rings.${call}
        fs.writeSync(1, code + ' ' + (typeof closed === 'boolean' ? closed : closed instanceof Promise))
      })
      setImmediate(() => process.exit(3))`
    const end = await runProgram(way, script, { path }, folder.path)
    expect(end).toMatchObject({ code: 3, signal: null, stderr: '' })
    const found = kinds(blocksOf(path))
    if (carriesOut(way)) expect({ stdout: end.stdout, found }).toEqual({ stdout: '3 true', found: ['written'] })
    else expect(found).not.toContain('wrong')
  })

  it("closes inside 'exit' after an exception that nobody caught, and keeps its exit code", async () => {
    const path = fresh()
    const script = `${writing}
      process.on('exit', () => rings.closeSync())
      setImmediate(() => { throw new Error('mine') })`
    const end = await runProgram(way, script, { path }, folder.path)
    expect(end).toMatchObject({ code: 1, signal: null, stdout: '' })
    expect(end.stderr).toContain('Error: mine')
    const found = kinds(blocksOf(path))
    if (carriesOut(way)) expect(found).toEqual(['written'])
    else expect(found).not.toContain('wrong')
  })

  it('closes with the event loop in a handler of uncaught exceptions', async () => {
    const path = fresh()
    const script = `${writing}
      process.on('uncaughtException', (error) => {
        rings.close().then(() => {
          fs.writeSync(1, [error.message, done.length, failed.length].join())
          process.exit(9)
        })
      })
      setImmediate(() => { throw new Error('mine') })`
    const end = await runProgram(way, script, { path }, folder.path)
    expect(end).toEqual({ code: 9, signal: null, stdout: `mine,${blocks},0`, stderr: '' })
    expect(kinds(blocksOf(path))).toEqual(['written'])
  })

  it("cancels inside 'exit' what never ends, in time", async () => {
    const script = `
      const rings = await start({ closeGraceMs: 20, closeDeadlineMs: 20000 })
      const pipe = await rings.open(arg.pipe, 'r+')
      for (let index = 0; index < 200; index++) pipe.read(Buffer.alloc(4)).catch(() => undefined)
      rings.open(arg.other, 'w').catch(() => undefined)
      process.on('exit', () => fs.writeSync(1, String(rings.closeSync())))
      setTimeout(() => process.exit(4), 20)`
    const end = await runProgram(way, script, { pipe: makePipe(), other: makePipe() }, folder.path)
    expect(end).toEqual({ code: 4, signal: null, stdout: String(carriesOut(way)), stderr: '' })
  })

  it('may exit without closing: no crash, its own code, and what was said to be written is', async () => {
    const path = fresh()
    const script = `${writing}
      const source = await rings.open('/dev/zero')
      for (let index = 0; index < 2000; index++) source.read(Buffer.alloc(65536)).catch(() => undefined)
      const look = () => {
        if (done.length < 100) return setImmediate(look)
        fs.writeSync(1, JSON.stringify(done))
        process.exit(5)
      }
      look()`
    const { stdout, ...end } = await runProgram(way, script, { path }, folder.path)
    expect(end).toEqual({ code: 5, signal: null, stderr: '' })
    const found = blocksOf(path)
    expect(kinds(found)).not.toContain('wrong')
    const done = JSON.parse(stdout) as number[]
    expect(done.length).toBeGreaterThanOrEqual(100)
    expect(kinds(done.map((index) => found[index]!))).toEqual(['written'])
  })

  it('may end by a rejection that nobody handled', async () => {
    const script = `${writing}
      setImmediate(() => void Promise.reject(new Error('mine')))`
    const end = await runProgram(way, script, { path: fresh() }, folder.path)
    expect(end).toMatchObject({ code: 1, signal: null, stdout: '' })
    expect(end.stderr).toContain('Error: mine')
  })

  it('keeps working in beforeExit, and ends then', async () => {
    const script = `
      const rings = await start()
      let turns = 0
      process.on('beforeExit', async () => {
        if (turns++ === 0) fs.writeSync(1, String((await rings.readFile('/proc/version')).length > 0))
        else await rings.close()
      })
      await rings.nop()`
    const end = await runProgram(way, script, null, folder.path)
    expect(end).toEqual({ code: 0, signal: null, stdout: 'true', stderr: '' })
  })

  const endings: readonly (readonly [string, string])[] = [
    ['at once', 'rings.close(); process.exit(6)'],
    ['a turn later', 'rings.close(); setImmediate(() => process.exit(6))'],
    [
      "and closes once more inside 'exit'",
      "process.on('exit', () => rings.closeSync()); rings.close(); process.exit(6)",
    ],
    ['at the end of await using', 'setImmediate(() => process.exit(6)); await rings[Symbol.asyncDispose]()'],
  ]
  it.each(inTurn(endings, everyWay.indexOf(way)))('may exit while close() is under way: %s', async (_when, ending) => {
    const path = fresh()
    const end = await runProgram(way, `${writing}\n${ending}`, { path }, folder.path)
    expect(end).toEqual({ code: 6, signal: null, stdout: '', stderr: '' })
    expect(kinds(blocksOf(path))).not.toContain('wrong')
  })

  if (carriesOut(way))
    it('may exit with streams open', async () => {
      const script = `
      const rings = await start()
      const raw = rings.raw()
      const listener = await raw.submit(op.socket({ family: 'AF_INET', type: 'SOCK_STREAM' }))
      await raw.submit(op.bind({ fd: listener, address: { address: '127.0.0.1', port: 0 } }))
      await raw.submit(op.listen({ fd: listener }))
      const stream = raw.stream(acceptStream({ fd: listener }))
      stream.next().catch(() => undefined)
      await raw.submit(op.nop())
      if (arg.closes) process.on('exit', () => fs.writeSync(1, String(rings.closeSync())))
      setTimeout(() => process.exit(7), 10)`
      const ends = await Promise.all([true, false].map((closes) => runProgram(way, script, { closes }, folder.path)))
      expect(ends).toEqual([
        { code: 7, signal: null, stdout: 'true', stderr: '' },
        { code: 7, signal: null, stdout: '', stderr: '' },
      ])
    })

  const deaths = ['SIGTERM', 'SIGINT', 'SIGKILL', 'abort()']
  it.each(inTurn(deaths, everyWay.indexOf(way)))('leaves nothing behind when it dies of %s', async (death) => {
    const pipe = makePipe()
    const script = `${writing}
      const pipe = await rings.open(arg.pipe, 'r+')
      for (let index = 0; index < 100; index++) pipe.read(Buffer.alloc(4)).catch(() => undefined)
      const lane = async () => { for (;;) await rings.readFile('/proc/version') }
      for (let index = 0; index < 20; index++) lane().catch(() => undefined)
      fs.writeSync(1, 'going')
      if (arg.aborts) setTimeout(() => process.abort(), 5)`
    const program = startProgram(way, script, { path: fresh(), pipe, aborts: death === 'abort()' }, folder.path)
    await program.printed
    if (death !== 'abort()') program.child.kill(death as NodeJS.Signals)
    expect(await program.ended).toMatchObject({
      code: null,
      signal: death === 'abort()' ? 'SIGABRT' : death,
      stdout: 'going',
    })
    // A request that lived on in the kernel would still have the pipe open.
    expect(await eventually(() => nobodyReads(pipe))).toBe(true)
  })
})

function nobodyReads(pipe: string): boolean {
  try {
    closeSync(openSync(pipe, constants.O_WRONLY | constants.O_NONBLOCK))
    return false
  } catch (error) {
    return fieldOf(error, 'code') === 'ENXIO'
  }
}
