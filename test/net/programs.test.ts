// Programs with sockets on rings: what keeps them alive, and what they do without descriptors.
import { execFileSync } from 'node:child_process'
import net from 'node:net'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { eventually, temporaryFolder } from '../services/harness.ts'
import { library, runProgram, startProgram } from '../services/programs.ts'

vi.setConfig({ testTimeout: 60_000 })

const folder = temporaryFolder()
afterAll(() => {
  folder.remove()
})
const arg = library.replace(/index[.]js$/, 'net/index.js')

/** A server and a connection in one program, and what is done with them; `print` says that it got there. */
const head = `
  const { connect, createServer } = await import(arg)
  const rings = await start()
  const print = (text) => fs.writeSync(1, text + ' ')
  const server = createServer(rings, (socket) => { accepted = socket; socket.on('error', () => undefined).resume() })
  let accepted
  server.listen(0, '127.0.0.1')
  const where = { port: server.address().port, host: '127.0.0.1' }
  process.on('exit', () => print('exit'))
`

describe.concurrent('a program', () => {
  it.each([
    ['a server without reference', 'server.unref(); print("end")', 'end exit '],
    [
      'a server whose reference was taken before it listened',
      'createServer(rings).unref().listen(0); server.unref()',
      'exit ',
    ],
    [
      'connections without reference, on both sides',
      'server.unref(); connect(rings, where, function () { this.unref(); setTimeout(() => { accepted.unref(); print("end") }, 20) })',
      'end exit ',
    ],
    [
      // As node:net: a connection that is being made keeps the process alive, and is told.
      'a connection without reference before it is made',
      'server.unref(); connect(rings, where, () => { print("connect"); accepted?.unref(); server.on("connection", (s) => s.unref()) }).unref()',
      'connect exit ',
    ],
    [
      'a server that has its reference back',
      'server.unref().ref(); setTimeout(() => { print("late"); server.close() }, 50).unref()',
      'late exit ',
    ],
    [
      'a connection that has its reference back',
      `server.unref(); connect(rings, where, function () {
         this.unref(); accepted?.unref(); server.on('connection', (s) => s.unref()); this.ref()
         setTimeout(() => { print('late'); this.destroy() }, 50).unref()
       })`,
      'late exit ',
    ],
  ])('ends in time: %s', async (_name, script, expected) => {
    const { code, stdout, stderr } = await runProgram('worker', head + script, arg, folder.path)
    expect([stdout, code, stderr]).toEqual([expected, 0, ''])
  })
})

describe.each(['kernel', 'worker', 'caller'] as const)('a program with poller %s', (poller) => {
  it('waits without spinning when it has no descriptors, and goes on when there are some again', async () => {
    const script = `${head}
      let starved = 0, got = 0
      server.on('starved', () => starved++).on('connection', (socket) => { got++; socket.write('here') })
      process.on('SIGUSR2', () => print(JSON.stringify({ starved, got, cpu: process.cpuUsage() }) + '\\n'))
      print(JSON.stringify(server.address()) + '\\n')`
    const program = startProgram(poller, script, arg, folder.path)
    const { child } = program
    let output = ''
    child.stdout.on('data', (bytes: Buffer) => (output += bytes.toString()))
    const lines = (): string[] => output.split('\n').filter((line) => line.includes('}'))
    const ask = async (): Promise<{ starved: number; got: number; cpu: NodeJS.CpuUsage }> => {
      const before = lines().length
      child.kill('SIGUSR2')
      await eventually(() => lines().length > before)
      return JSON.parse(lines().at(-1)!) as { starved: number; got: number; cpu: NodeJS.CpuUsage }
    }
    await program.printed
    await eventually(() => lines().length > 0)
    const { port } = JSON.parse(lines()[0]!) as net.AddressInfo
    execFileSync('prlimit', ['--pid', String(child.pid), '--nofile=64'])
    let served = 0
    const clients = Array.from({ length: 150 }, () => {
      const client = net.connect(port, '127.0.0.1').on('error', () => undefined)
      return client.once('data', () => served++)
    })
    await eventually(() => served > 10)
    await new Promise((resolve) => setTimeout(resolve, 300))
    const first = await ask()
    await new Promise((resolve) => setTimeout(resolve, 500))
    const second = await ask()
    expect(first.got).toBe(served)
    expect(first.got).toBeLessThan(64)
    expect(second.got).toBe(first.got)
    // Two rings try ten times a second: neither none nor thousands.
    expect(second.starved - first.starved).toBeGreaterThan(0)
    expect(second.starved - first.starved).toBeLessThan(60)
    for (const client of clients) client.once('data', () => client.destroy())
    for (const client of clients) if (client.bytesRead > 0) client.destroy()
    expect(await eventually(() => served === clients.length)).toBe(true)
    child.kill('SIGKILL')
    await program.ended
  })
})
