// A system that gives no more threads (ulimit -u), for real: a program of another user's whose ring worker ends then. What needs no worker
// goes on, who looks is told what to do, and when there are threads again there is a worker again.
import { spawn, spawnSync } from 'node:child_process'
import { chmodSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { allPollers, temporaryFolder, withoutAddon } from './harness.ts'
import { library } from './programs.ts'

vi.setConfig({ testTimeout: 120_000 })

const folder = temporaryFolder()
chmodSync(folder.path, 0o755)
const file = join(folder.path, 'file')
writeFileSync(file, 'hello', { mode: 0o644 })
afterAll(() => {
  folder.remove()
})

const has = (command: string): boolean => spawnSync(command, ['--version']).status === 0
function othersMayRead(path: string): boolean {
  const isTop = dirname(path) === path
  return (statSync(path).mode & 0o5) === 0o5 && (isTop || othersMayRead(dirname(path)))
}
const canLimit =
  !withoutAddon &&
  process.getuid?.() === 0 &&
  has('setpriv') &&
  has('prlimit') &&
  othersMayRead(dirname(fileURLToPath(library))) &&
  othersMayRead(folder.path)

/** Users of nobody else, so that their threads are counted alone. */
const firstUser = 54_000 + (process.pid % 1000) * 4

interface Told {
  readonly at: string
  readonly state?: string
  readonly workerState?: string
  readonly reason?: string
  readonly code?: string
  readonly message?: string
}

const program = (poller: string): string => `
  import { createInterface } from 'node:readline'
  import { setTimeout as sleep } from 'node:timers/promises'
  import { Ringmaster } from ${JSON.stringify(library)}
  import { RingWorkerPool } from ${JSON.stringify(new URL('../workers/pool.js', library).href)}
  const tell = (at, what) => console.log(JSON.stringify({ at, ...what }))
  process.on('uncaughtException', ({ code, message }) => tell('uncaught', { code, message }))
  const lines = createInterface({ input: process.stdin })
  lines.once('close', () => process.exit(1)) // the test has ended
  const told = lines[Symbol.asyncIterator]()
  let pool
  const { start } = RingWorkerPool.prototype
  RingWorkerPool.prototype.start = function (task) {
    pool = this
    return start.call(this, task)
  }
  const options = { poller: ${JSON.stringify(poller)}, rings: 1 }
  const rings = await Ringmaster.start({
    ...options,
    onWorker: ({ state, cause }) => tell('event', { state, message: cause?.message }),
  })
  tell('ready')
  await told.next()
  const own = pool
  await Ringmaster.start(options).catch(({ code, reason, message }) => tell('start', { code, reason, message }))
  const stats = () => rings.stats().rings[0]
  const until = async (wanted) => {
    while (stats().workerState !== wanted) await sleep(10)
    tell(wanted, stats())
  }
  own.terminate(0)
  await until('replacing')
  while (!stats().reason.includes('no thread')) await sleep(10)
  tell('advised', stats())
  await until('gone')
  await rings.readFile(${JSON.stringify(file)}, 'utf8').then(
    (text) => tell('read', { message: text }),
    ({ code }) => tell('read', { code }),
  )
  await told.next()
  await until('well')
  tell('read again', { message: await rings.readFile(${JSON.stringify(file)}, 'utf8') })
  await rings.close()
  tell('closed')
  process.exit()`

const as = (user: number): readonly string[] => [`--reuid=${user}`, `--regid=${user}`, '--clear-groups']

/** Who is not allowed everything may limit programs of its own user. */
function limitThreads(user: number, pid: number, threads: string): void {
  const limit = ['prlimit', '--pid', String(pid), `--nproc=${threads}:`]
  const { status, stderr } = spawnSync('setpriv', [...as(user), ...limit], { encoding: 'utf8' })
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
}

describe.runIf(canLimit).each(allPollers)('no thread is to be had, poller %s', (poller) => {
  it('a worker that ends then is missed with advice, and comes back when there are threads', async () => {
    const user = firstUser + allPollers.indexOf(poller)
    const child = spawn('setpriv', [...as(user), process.execPath, '--input-type=module', '-e', program(poller)], {
      cwd: folder.path,
      stdio: ['pipe', 'pipe', 'inherit'],
      timeout: 110_000,
      killSignal: 'SIGKILL',
    })
    onTestFinished(() => {
      child.kill('SIGKILL')
    })
    const told: Told[] = []
    for await (const line of createInterface({ input: child.stdout })) {
      const last = JSON.parse(line) as Told
      told.push(last)
      if (last.at === 'ready') limitThreads(user, child.pid!, '1')
      if (last.at === 'read') limitThreads(user, child.pid!, '500')
      if (last.at === 'ready' || last.at === 'read') child.stdin.write('on\n')
    }
    const advice = expect.stringMatching(/no thread can be started.*raise ulimit -u, or pids\.max/) as string
    const at = (what: string): Told | undefined => told.find((each) => each.at === what)
    expect(at('uncaught')).toBeUndefined()
    expect(at('start')).toMatchObject({ code: 'ERR_RING_UNAVAILABLE', reason: 'threads', message: advice })
    expect(at('advised')).toMatchObject({ workerState: 'replacing', reason: advice })
    expect(at('gone')).toMatchObject({ reason: advice, state: poller === 'threadpool' ? 'lost' : 'open' })
    expect(at('read')).toMatchObject(poller === 'threadpool' ? { code: 'ERR_RING_LOST' } : { message: 'hello' })
    expect(told.filter((each) => each.at === 'event').map(({ state }) => state)).toEqual(['replacing', 'gone', 'well'])
    expect(told.find(({ at, state }) => at === 'event' && state === 'gone')).toMatchObject({ message: advice })
    expect(at('well')).toMatchObject({ state: 'open', reason: expect.not.stringContaining('no thread') as string })
    expect(at('read again')).toMatchObject({ message: 'hello' })
    expect(told.at(-1)).toEqual({ at: 'closed' })
  })
})
