// What the daemon tells its service manager, received by a datagram socket that Python holds: ready, reloading, stopping, and alive only
// while every ring worker is.
import { execFileSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { closeSync, openSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually, temporaryFolder } from '../services/harness.ts'
import { exitCode, startDaemon } from './command.ts'
import { openNotifySocket } from './notify-socket.ts'

let folder: ReturnType<typeof temporaryFolder>
beforeAll(() => {
  folder = temporaryFolder()
  writeFileSync(join(folder.path, 'file'), 'content')
})
afterAll(() => {
  folder.remove()
})

/** A new address for each test: in the file system, and in the abstract space. */
const socketPath = (): string => join(folder.path, randomUUID())
const abstractName = (): string => `@ringmaster-${randomUUID()}`

describe('a service manager', () => {
  it.each([
    ['kernel', socketPath],
    ['worker', abstractName],
    ['caller', socketPath],
    ['threadpool', abstractName],
  ])('is told through the poller %s: ready, and stopping with the time it may take', async (poller, address) => {
    const NOTIFY_SOCKET = address()
    await using manager = await openNotifySocket(NOTIFY_SOCKET)
    await using daemon = await startDaemon(folder.path, ['--poller', poller, '--drain-seconds', '7'], { NOTIFY_SOCKET })
    expect(await eventually(() => manager.count('READY') === 1)).toBe(true)
    expect(manager.messages[0]).toEqual({
      READY: '1',
      MAINPID: String(daemon.child.pid),
      STATUS: daemon.stdout().trimEnd().replaceAll('\n', '; '),
    })
    daemon.child.kill('SIGTERM')
    expect(await exitCode(daemon.child)).toBe(0)
    expect(await eventually(() => manager.count('STOPPING') === 1)).toBe(true)
    expect(manager.messages.at(-1)).toMatchObject({ STOPPING: '1', EXTEND_TIMEOUT_USEC: '12000000' })
    expect(manager.count('WATCHDOG')).toBe(0)
  })

  it('who does not listen does not stop the service, and the log says so once', async () => {
    await using daemon = await startDaemon(folder.path, [], { NOTIFY_SOCKET: socketPath(), WATCHDOG_USEC: '20000' })
    expect(await (await fetch(`${daemon.filesUrl}file`)).text()).toBe('content')
    expect(await eventually(() => daemon.stderr().includes('the service manager cannot be told'))).toBe(true)
    daemon.child.kill('SIGHUP')
    expect(await eventually(() => daemon.stderr().includes('reloaded'))).toBe(true)
    daemon.child.kill('SIGTERM')
    expect(await exitCode(daemon.child)).toBe(0)
    expect(daemon.stderr().match(/the service manager cannot be told/g)).toHaveLength(1)
  })

  it('that is no socket of this machine is not talked to', async () => {
    await using daemon = await startDaemon(folder.path, [], { NOTIFY_SOCKET: 'vsock:2:1234' })
    expect(daemon.stderr()).toContain('NOTIFY_SOCKET is neither a path nor an abstract name')
  })

  it('cannot be told without the addon: the log says what to set instead', async () => {
    const env = { NOTIFY_SOCKET: socketPath(), RINGMASTER_ADDON: 'none' }
    await using daemon = await startDaemon(folder.path, [], env)
    expect(await (await fetch(`${daemon.filesUrl}file`)).text()).toBe('content')
    expect(await eventually(() => daemon.stderr().includes('Type=exec'))).toBe(true)
  })

  it('is spoken to by the daemon alone: its variables are gone for children and threads', async () => {
    const NOTIFY_SOCKET = socketPath()
    await using manager = await openNotifySocket(NOTIFY_SOCKET)
    const report = `process.on('SIGUSR2',async()=>{const{execFileSync}=await import('node:child_process');process.stderr.write('children: '+execFileSync('env').toString().match(/^(NOTIFY_SOCKET|WATCHDOG_\\w+|LISTEN_\\w+)=/gm)+'\\n')})`
    const NODE_OPTIONS = `--import "data:text/javascript,${encodeURIComponent(report)}"`
    const env = { NOTIFY_SOCKET, WATCHDOG_USEC: '60000000', LISTEN_FDNAMES: 'http', NODE_OPTIONS }
    await using daemon = await startDaemon(folder.path, [], env)
    expect(await eventually(() => manager.count('READY') === 1)).toBe(true)
    daemon.child.kill('SIGUSR2')
    expect(await eventually(() => daemon.stderr().includes('children: '))).toBe(true)
    expect(daemon.stderr()).toContain('children: null')
  })
})

describe('the watchdog', () => {
  /** Every thread but the main one looks whether it is to stop; the first that finds the flag is stuck in open(2) until somebody writes. */
  const stuckThread = (flag: string, fifo: string): Record<string, string> => {
    const code = `
      import { isMainThread } from 'node:worker_threads'
      import { readFileSync, renameSync } from 'node:fs'
      if (!isMainThread) setInterval(() => {
        try { renameSync(${JSON.stringify(flag)}, ${JSON.stringify(`${flag}.taken`)}) } catch { return }
        readFileSync(${JSON.stringify(fifo)})
      }, 20).unref()`
    return { NODE_OPTIONS: `--import "data:text/javascript,${encodeURIComponent(code)}"` }
  }

  it('is told while every ring worker lives, not while one hangs, and again when it has been replaced', async () => {
    const NOTIFY_SOCKET = socketPath()
    const [flag, fifo] = [socketPath(), socketPath()]
    execFileSync('mkfifo', [fifo])
    await using manager = await openNotifySocket(NOTIFY_SOCKET)
    const watchdogMs = 2000
    const env = { NOTIFY_SOCKET, WATCHDOG_USEC: String(watchdogMs * 1000), ...stuckThread(flag, fifo) }
    const args = ['--rings', '2', '--poller', 'caller', '--silence-seconds', '2']
    await using daemon = await startDaemon(folder.path, args, env)
    expect(await eventually(() => manager.count('WATCHDOG') >= 3)).toBe(true)
    await expect
      .poll(() => daemon.probe('livez'), { timeout: 20_000 })
      .toMatchObject({
        status: 200,
        body: expect.stringContaining('ring 1: ok') as string,
      })

    writeFileSync(flag, '')
    await expect.poll(() => daemon.probe('livez'), { timeout: 20_000 }).toMatchObject({ status: 503 })
    expect((await daemon.probe('livez')).body).toMatch(/^the worker of ring (\d) has had no heartbeat for \d+ s\n/)
    expect(await daemon.probe('readyz')).toMatchObject({
      status: 503,
      body: expect.stringContaining('no heartbeat for') as string,
    })
    expect(await eventually(() => daemon.stderr().includes('the watchdog is not told that all is well'))).toBe(true)
    const told = manager.count('WATCHDOG')
    // Files are served on by the other ring's worker, whose connections they are. Only the watchdog is not told.
    await sleep(1.5 * watchdogMs)
    const served = async (): Promise<string> =>
      (await fetch(`${daemon.filesUrl}file`, { signal: AbortSignal.timeout(1000) })).text()
    await expect.poll(() => served().catch(String), { timeout: 20_000 }).toBe('content')
    expect(manager.count('WATCHDOG')).toBe(told)

    closeSync(openSync(fifo, 'w'))
    await expect.poll(() => daemon.probe('livez'), { timeout: 20_000 }).toMatchObject({ status: 200 })
    expect(await eventually(() => manager.count('WATCHDOG') > told)).toBe(true)
    expect(daemon.stderr()).toContain('another worker has adopted the ring')
    daemon.child.kill('SIGTERM')
    expect(await exitCode(daemon.child)).toBe(0)
  })
})
