// Giving up privileges: refused while there are rings, wherever in the process; before Ringmaster.start() it works as ever, and the
// rings then have the lower rights.
import { chmodSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { temporaryFolder } from './harness.ts'
import { everyWay, library, runProgram } from './programs.ts'

vi.setConfig({ testTimeout: 60_000 })

const folder = temporaryFolder()
chmodSync(folder.path, 0o755)
const secret = join(folder.path, 'secret')
writeFileSync(secret, 'secret', { mode: 0o600 })
const open = join(folder.path, 'open')
writeFileSync(open, 'open', { mode: 0o644 })
const thread = join(folder.path, 'thread.mjs')
writeFileSync(
  thread,
  `import { parentPort, workerData } from 'node:worker_threads'
  const { Ringmaster } = await import(workerData.library)
  const rings = await Ringmaster.start(workerData.options)
  parentPort.on('message', async ({ read }) => {
    if (read !== undefined) return parentPort.postMessage(await rings.readFile(read, 'utf8').catch((error) => error.code))
    await rings.close()
    parentPort.postMessage('closed')
    parentPort.close()
  })
  parentPort.postMessage('started')`,
)
afterAll(() => {
  folder.remove()
})

const isRoot = process.getuid?.() === 0
/** Threads load the library with the rights that are left. */
function othersMayRead(path: string): boolean {
  const isTop = dirname(path) === path
  return (statSync(path).mode & 0o5) === 0o5 && (isTop || othersMayRead(dirname(path)))
}
const readable = othersMayRead(dirname(fileURLToPath(library))) && othersMayRead(folder.path)

/** For programs: what each way to give up privileges says. */
const attempts = `
  const attempts = () => Object.entries({ setuid: [65534], setgid: [65534], seteuid: [65534], setegid: [65534], setgroups: [[65534]], initgroups: ['nobody', 65534] })
    .map(([name, args]) => {
      try {
        process[name](...args)
        return name
      } catch (error) {
        return error.code + ' ' + error.message
      }
    })
`
const refused = [0, 1, 2, 3, 4, 5].map(
  () =>
    expect.stringMatching(
      /^ERR_RING_PRIVILEGES process\.\w+\(\) is refused while there are rings.*drop privileges before Ringmaster\.start\(\)/,
    ) as string,
)

describe.runIf(isRoot).each(everyWay)('a process with poller %s', (way) => {
  const arg = { secret, open, thread, library }

  it('may not give up privileges while it has rings, which go on; it may when they are closed', async () => {
    const script = `${attempts}
      const rings = await start()
      const first = attempts()
      const [text, uid] = [await rings.readFile(arg.secret, 'utf8'), process.getuid()]
      await rings.close()
      process.setgid(65534)
      process.setuid(65534)
      console.log(JSON.stringify({ first, text, uid, now: [process.getuid(), process.getgid()] }))`
    const { stdout, ...end } = await runProgram(way, script, arg, folder.path)
    expect(end).toEqual({ code: 0, signal: null, stderr: '' })
    expect(JSON.parse(stdout)).toEqual({ first: refused, text: 'secret', uid: 0, now: [65534, 65534] })
  })

  it('may when they were closed without the event loop, too', async () => {
    const script = `
      const rings = await start()
      rings.closeSync()
      process.setuid(65534)
      console.log(process.getuid())
      process.exit(0)`
    expect(await runProgram(way, script, arg, folder.path)).toEqual({
      code: 0,
      signal: null,
      stdout: '65534\n',
      stderr: '',
    })
  })

  it.runIf(readable)('has rings with the lower rights when it gave them up first', async () => {
    const script = `
      process.setgroups([])
      process.setgid(65534)
      process.setuid(65534)
      const rings = await start()
      const failure = (promise) => promise.then(() => 'no error', (error) => error.code)
      console.log(JSON.stringify({
        open: await rings.readFile(arg.open, 'utf8'),
        secret: await failure(rings.readFile(arg.secret)),
        opened: await failure(rings.open(arg.secret)),
        root: await failure(rings.writeFile(arg.open, 'changed')),
      }))
      await rings.close()`
    const { stdout, ...end } = await runProgram(way, script, arg, folder.path)
    expect(end).toEqual({ code: 0, signal: null, stderr: '' })
    expect(JSON.parse(stdout)).toEqual({ open: 'open', secret: 'EACCES', opened: 'EACCES', root: 'EACCES' })
  })

  it('may where that was allowed, and an SQ thread then keeps what the process has given up', async () => {
    const script = `
      import { allowPrivilegeChanges } from ${JSON.stringify(library)}
      const rings = await start()
      allowPrivilegeChanges()
      process.seteuid(65534)
      const text = await rings.readFile(arg.secret, 'utf8').catch((error) => error.code)
      process.seteuid(0)
      console.log(text, process.geteuid())
      await rings.close()`
    const text = way === 'kernel' ? 'secret' : 'EACCES'
    expect(await runProgram(way, script, arg, folder.path)).toMatchObject({
      code: 0,
      stdout: `${text} 0\n`,
      stderr: '',
    })
  })
})

it.runIf(isRoot)(
  'a main thread that only loads the library may not while another thread has an SQ thread',
  async () => {
    const script = `${attempts}
    import { Worker } from 'node:worker_threads'
    import { once } from 'node:events'
    const worker = new Worker(arg.thread, { execArgv: [], workerData: { library: arg.library, options } })
    await once(worker, 'message')
    const first = attempts()
    worker.postMessage({})
    await once(worker, 'message')
    process.setuid(65534)
    console.log(JSON.stringify({ first, uid: process.getuid() }))
    process.exit(0)`
    const { stdout, ...end } = await runProgram('kernel', script, { thread, library }, folder.path)
    expect(end).toEqual({ code: 0, signal: null, stderr: '' })
    expect(JSON.parse(stdout)).toEqual({ first: refused, uid: 65534 })
  },
)

const withoutSqThread = everyWay.filter((way) => way !== 'kernel')
it.runIf(isRoot).each(withoutSqThread)(
  'a main thread without rings may while another thread has some that keep nothing, poller %s: these have the lower rights then',
  async (way) => {
    const script = `
    import { Worker } from 'node:worker_threads'
    import { once } from 'node:events'
    const worker = new Worker(arg.thread, { execArgv: [], workerData: { library: arg.library, options } })
    await once(worker, 'message')
    const read = async (path) => {
      worker.postMessage({ read: path })
      const [answer] = await once(worker, 'message')
      return answer
    }
    const before = await read(arg.secret)
    process.setuid(65534)
    console.log(JSON.stringify([before, await read(arg.secret), await read(arg.open)]))
    process.exit(0)`
    const { stdout, ...end } = await runProgram(way, script, { thread, library, secret, open }, folder.path)
    expect(end).toEqual({ code: 0, signal: null, stderr: '' })
    expect(JSON.parse(stdout)).toEqual(['secret', 'EACCES', 'open'])
  },
)

it('functions of process are what they were where there are no rings: names, arguments, errors', async () => {
  const script = `
    const names = ['setuid', 'setgid', 'seteuid', 'setegid', 'setgroups', 'initgroups']
    let error
    try { process.setuid({}) } catch (thrown) { error = thrown.code }
    console.log(JSON.stringify({ names: names.map((name) => process[name].name === name), length: process.initgroups.length, error }))`
  const { stdout } = await runProgram('plain', script, null, folder.path)
  expect(JSON.parse(stdout)).toEqual({ names: new Array(6).fill(true), length: 2, error: 'ERR_INVALID_ARG_TYPE' })
})
