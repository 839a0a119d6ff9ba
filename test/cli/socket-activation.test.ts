// Sockets that somebody else has opened: passed by systemd-socket-activate as systemd does, and by Python where they are not as they should be.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually, temporaryFolder } from '../services/harness.ts'
import { commandLine, exitCode, type Child } from './command.ts'

const activate = '/usr/bin/systemd-socket-activate'

let folder: ReturnType<typeof temporaryFolder>
beforeAll(() => {
  folder = temporaryFolder()
  writeFileSync(join(folder.path, 'file'), 'content')
})
afterAll(() => {
  folder.remove()
})

/** systemd-socket-activate wants a number; nobody else takes it between these two, as a rule. */
async function freePort(host: string): Promise<number> {
  const server = createServer().listen(0, host)
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return address !== null && typeof address === 'object' ? address.port : 0
}

interface Activated extends AsyncDisposable {
  readonly child: Child
  readonly stdout: () => string
  readonly stderr: () => string
}

/** The daemon starts when somebody connects: `waker` does, and sends nothing. */
async function activated(
  options: readonly string[],
  waker: string | number,
  args: readonly string[] = [],
): Promise<Activated> {
  const command = commandLine('serve', folder.path, ...args)
  const child = spawn(activate, [...options, '-E', `PATH=${process.env['PATH'] ?? ''}`, ...command], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let [stdout, stderr] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (stdout += chunk))
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (stderr += chunk))
  expect(
    await eventually(() => stderr.match(/Listening on/g)?.length === options.filter((each) => each === '-l').length),
  ).toBe(true)
  const socket = typeof waker === 'string' ? connect(waker) : connect(waker, '127.0.0.1')
  socket.on('error', () => undefined)
  expect(await eventually(() => stdout.includes('ring 0') || child.exitCode !== null)).toBe(true)
  socket.destroy()
  return {
    child,
    stdout: () => stdout,
    stderr: () => stderr,
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL')
      await exitCode(child)
    },
  }
}

/** GET over a Unix socket. */
async function getByUnix(socketPath: string, path: string): Promise<string> {
  const asked = request({ socketPath, path, agent: false }).end()
  const [response] = (await once(asked, 'response')) as [NodeJS.ReadableStream]
  return text(response)
}

describe.skipIf(!existsSync(activate))('sockets of systemd-socket-activate', () => {
  it('are taken by their names, over IPv4 and IPv6; options that differ are not used, and the log says so', async () => {
    const [http, admin] = [await freePort('127.0.0.1'), await freePort('::1')]
    const options = ['-l', `[::1]:${admin}`, '-l', `127.0.0.1:${http}`, '--fdname=admin:http']
    await using daemon = await activated(options, http, ['--listen', '127.0.0.1:1', '--admin', `[::1]:${admin}`])
    expect(daemon.stdout()).toContain(`serving ${folder.path} at http://127.0.0.1:${http}/b/\n`)
    expect(daemon.stdout()).toContain(`metrics at http://[::1]:${admin}/metrics\n`)
    expect(await (await fetch(`http://127.0.0.1:${http}/b/file`)).text()).toBe('content')
    expect((await fetch(`http://[::1]:${admin}/readyz`)).status).toBe(200)
    expect(daemon.stderr()).toContain('a socket was passed: --listen is not used')
    expect(daemon.stderr()).not.toContain('a socket was passed: --admin')
    // Not for children: close-on-exec is set on both.
    for (const fd of [3, 4]) {
      const flags = /^flags:\s+(\d+)$/m.exec(readFileSync(`/proc/${daemon.child.pid}/fdinfo/${fd}`, 'latin1'))?.[1]
      expect(parseInt(flags ?? '', 8) & 0o2000000).toBe(0o2000000)
    }
    daemon.child.kill('SIGTERM')
    expect(await exitCode(daemon.child)).toBe(0)
  })

  it("with no names but the unit's are files, then admin; of a file system, too, where they stay when the daemon ends", async () => {
    const [http, admin] = [join(folder.path, 'http.sock'), join(folder.path, 'admin.sock')]
    await using daemon = await activated(['-l', http, '-l', admin, '--fdname=ringmaster.socket:unknown'], http)
    expect(daemon.stdout()).toContain(`serving ${folder.path} at unix:${http}:/b/\n`)
    expect(await getByUnix(http, '/b/file')).toBe('content')
    expect(await getByUnix(admin, '/livez')).toMatch(/^ok\n/)
    daemon.child.kill('SIGTERM')
    expect(await exitCode(daemon.child)).toBe(0)
    expect([existsSync(http), existsSync(admin)]).toEqual([true, true])
  })

  it('that other machines can reach need --public', async () => {
    const port = await freePort('0.0.0.0')
    await using daemon = await activated(['-l', `0.0.0.0:${port}`, '--fdname=http'], port, ['--admin', ':0'])
    expect(await exitCode(daemon.child)).toBe(2)
    expect(daemon.stderr()).toMatch(/refusing --listen 0\.0\.0\.0:\d+.*--public/)
  })
})

describe('what is passed instead of a socket that listens is refused', () => {
  /** Python code that makes `passed`, a list of sockets or files, which become descriptors from 3 on. */
  const run = async (make: string, names = ''): Promise<{ code: number | null; stderr: string }> => {
    const code = `
import os, socket, sys
${make}
fds = [os.dup(each.fileno()) for each in passed]
fds = [__import__('fcntl').fcntl(fd, 0, 100) for fd in fds]
for index, fd in enumerate(fds): os.dup2(fd, 3 + index, inheritable=True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(fds)), LISTEN_FDNAMES=${JSON.stringify(names)})
os.execv(sys.argv[1], sys.argv[1:])
`
    const command = commandLine('serve', folder.path, '--listen', ':0', '--admin', ':0')
    const child = spawn('python3', ['-c', code, ...command], { stdio: ['ignore', 'pipe', 'pipe'] })
    const [stderr] = await Promise.all([text(child.stderr), exitCode(child)])
    return { code: child.exitCode, stderr }
  }
  const listening = `
def listening(family=socket.AF_INET, address=('127.0.0.1', 0)):
    each = socket.socket(family); each.bind(address); each.listen(); return each
`

  it.each([
    ['a file', "passed = [open('/dev/null')]", /descriptor 3, passed for http, is no socket/],
    [
      'a connection',
      `${listening}l = listening(); os.set_inheritable(os.dup2(l.fileno(), 50), True); c = socket.create_connection(l.getsockname()); passed = [c]`,
      /is connected, or does not listen/,
    ],
    [
      'a datagram socket',
      "a = socket.socket(type=socket.SOCK_DGRAM); a.bind(('127.0.0.1', 0)); passed = [a]",
      /listen/,
    ],
    ['a Unix pair', 'passed = socket.socketpair()[:1]', /does not listen/],
    [
      'Unix datagrams',
      "a = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); a.bind('\\\\0' + str(os.getpid())); passed = [a]",
      /is no stream socket/,
    ],
    [
      'one too many',
      `${listening}passed = [listening() for _ in range(3)]`,
      /passed 3 sockets.*descriptor 5 is one too many/,
    ],
    [
      'one socket twice, on which files and metrics would answer by chance',
      `${listening}passed = [listening()] * 2`,
      /descriptor 4 is the same socket as descriptor 3: .*one named admin/,
    ],
  ])('%s', async (_title, make, message) => {
    const { code, stderr } = await run(make)
    expect(stderr).toMatch(message)
    expect(stderr).not.toMatch(/^ {4}at /m)
    expect(code).not.toBe(0)
  })

  it('two of one name, and one whose name is not known', async () => {
    const make = `${listening}passed = [listening(), listening()]`
    expect((await run(make, 'http:http')).stderr).toMatch(
      /http, http.*descriptor 4 is one too many.*FileDescriptorName=/,
    )
    expect((await run(make, 'http:metrics')).stderr).toMatch(/descriptor 4 has a name that is not known, metrics/)
  })

  it('two that share an address, where each connection would go to either', async () => {
    const { code, stderr } = await run(`
def shared(address):
    each = socket.socket(); each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1); each.bind(address); each.listen(); return each
first = shared(('127.0.0.1', 0))
passed = [first, shared(first.getsockname())]
`)
    expect(stderr).toMatch(/descriptor 4 listens where descriptor 3 does \(ReusePort=\)/)
    expect(code).toBe(2)
  })

  it.each([
    ['a name that is not known, alone', 'foo', /\(foo\).*descriptor 3 has a name that is not known, foo: .*named http/],
    [
      'the name of the unit beside one of ours',
      'http:ringmaster.socket',
      /descriptor 4 has no name, and another one has/,
    ],
    ['no name beside one of ours', 'unknown:http', /descriptor 3 has no name, and another one has/],
  ])('%s', async (_title, names, message) => {
    const count = names.split(':').length
    const { code, stderr } = await run(`${listening}passed = [listening() for _ in range(${count})]`, names)
    expect(stderr).toMatch(message)
    expect(code).toBe(2)
  })
})
