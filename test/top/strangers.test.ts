// `ringmaster top` and who is no daemon: a clear error, what to do, exit code 1, and no report.
import { createServer, type RequestListener, type Server } from 'node:http'
import { createServer as createTcpServer, type AddressInfo } from 'node:net'
import { once } from 'node:events'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { liveVersion } from '../../metrics/live-protocol.ts'
import { CommandError } from '../../services/cli/exit.ts'
import { topCommand } from '../../services/cli/top.ts'
import { runTop } from '../../services/top/run.ts'
import { exitCode, runCommand, spawnCommand } from '../cli/command.ts'

const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    server.close()
  }
})

async function listen(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  servers.push(server)
  await new Promise((resolve) => server.once('listening', resolve))
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

const top = (admin: string): ReturnType<typeof runCommand> =>
  runCommand('top', '--once', '--interval', '0.2', '--admin', admin)

/** The same without a process of its own: what `main.ts` would end with, and say. */
async function topHere(admin: string): Promise<CommandError> {
  const url = new URL(`http://${admin}`)
  const options = { admin: url, intervalMs: 200, show: 'once', json: false, colour: false, detail: 'usual' } as const
  const outcome: unknown = await runTop(options).catch((error: unknown) => error)
  if (!(outcome instanceof CommandError)) throw new Error(`not an error for people: ${String(outcome)}`)
  return outcome
}

// Both take eight seconds: they begin first, and are looked at last.
const mute = createServer(() => undefined)
/** Something now and then, and never a frame. */
const dribbling = createServer((_request, response) => {
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  const timer = setInterval(() => response.write(': still here\n\n'), 1000)
  response.once('close', () => clearInterval(timer))
})
let unanswered: ReturnType<typeof runCommand>
let dribbled: ReturnType<typeof runCommand>
beforeAll(async () => {
  const [first, second] = [mute, dribbling].map(async (server) => {
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return `127.0.0.1:${(server.address() as AddressInfo).port}`
  })
  unanswered = top(await first!)
  dribbled = top(await second!)
})
afterAll(() => {
  for (const server of [mute, dribbling]) {
    server.closeAllConnections()
    server.close()
  }
})

const stream =
  (text: string): RequestListener =>
  (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' }).write(text)
  }
const event = (name: string, data: unknown): string => `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`
const about = {
  ...{ liveVersion, host: 'h', pid: 1, startedMs: 0, version: '0', node: '', kernel: '', placement: '' },
  ...{ effectiveCpus: 1, wakeCostNs: 0, spinNs: 0 },
}

it('nothing listens there', async () => {
  const free = createTcpServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => free.once('listening', resolve))
  const { port } = free.address() as AddressInfo
  await new Promise((resolve) => free.close(resolve))
  const { code, stdout, stderr } = await top(`127.0.0.1:${port}`)
  expect([code, stdout]).toEqual([1, ''])
  expect(stderr).toMatch(
    /^ringmaster: nothing listens at http:\/\/127\.0\.0\.1:\d+\. Start `ringmaster serve`.*--admin/,
  )
})

describe('somebody else answers', () => {
  it.each<[string, RequestListener, RegExp]>([
    ['404', (_, response) => void response.writeHead(404).end(), /answers 404 to \/live: it is not the admin address/],
    [
      'a page',
      (_, response) => void response.end('<html>'),
      /something else than a stream of events: this is no ringmaster/,
    ],
    [
      'too many viewers',
      (_, response) => void response.writeHead(503).end('16 viewers are looking'),
      /refuses: 16 viewers/,
    ],
    ['another name is expected', (_, response) => void response.writeHead(421).end('\u001b[31mno'), /refuses: no$/],
    ['a stream of others', stream(event('about', { hello: 1 })), /events that are not ours: this is no ringmaster/],
    ['no JSON', stream('event: frame\ndata: {]\n\n'), /events that are not ours/],
    ['half a frame', stream(event('about', about) + event('frame', { rings: [{}] })), /events that are not ours/],
    ['an event without end', stream(`event: frame\ndata: ${'x'.repeat(3_000_000)}`), /events that are not ours/],
    ['full', stream(event('full', {})), /has as many viewers as it may have/],
    [
      'another version',
      stream(event('about', { ...about, liveVersion: liveVersion + 1 })),
      /speaks version \d+ of the live feed, this program version \d+: use the `ringmaster top` that belongs/,
    ],
    ['a cut', (_, response) => void response.destroy(), /has ended the connection|socket hang up/],
  ])('%s', async (_title, listener, message) => {
    const { exitCode: code, message: said } = await topHere(await listen(listener))
    expect(code).toBe(1)
    expect(said).toMatch(message)
    // eslint-disable-next-line no-control-regex
    expect(said).not.toMatch(/\u001b/)
  })

  it('or says nothing: it can be stopped meanwhile, and gives up by itself', async () => {
    const admin = await listen(() => undefined)
    const child = spawnCommand(['top', '--once', '--admin', admin])
    await new Promise((resolve) => servers[0]!.once('connection', resolve))
    child.kill('SIGINT')
    expect([null, 130]).toContain(await exitCode(child))
    for (const { code, stderr } of await Promise.all([unanswered, dribbled]))
      expect([code, stderr]).toEqual([1, expect.stringMatching(/has told nothing for 8 s: is it stopped\?/)])
  })
})

describe('wrong usage', () => {
  it('is exit code 2', async () => {
    const { code, stderr } = await runCommand('top', '--interval', '0')
    expect([code, stderr]).toEqual([2, expect.stringMatching(/--interval.*from 0\.2 to 60/)])
  })

  it.each<[string[], RegExp]>([
    [['--interval', '1e1'], /--interval/],
    [['--admin', 'nowhere'], /--admin.*URL such as .* or HOST:PORT/],
    [['--admin', 'file:///etc/passwd'], /--admin/],
  ])('%j', async (args, message) => {
    const command = topCommand()
      .exitOverride()
      .configureOutput({ writeErr: () => undefined })
    await expect(command.parseAsync(args, { from: 'user' })).rejects.toThrow(message)
  })
})
