// A server on rings: where it listens, whom it lets in, how it ends, and that node:http runs on it. What net.Server does in the same place is
// asked of net.Server.
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { getEventListeners, once } from 'node:events'
import fs, { existsSync, fstatSync } from 'node:fs'
import http from 'node:http'
import { syncBuiltinESMExports } from 'node:module'
import net from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { bindSocket, listenSocket, openStreamSocket } from '../../native/sockets.ts'
import { createServer } from '../../services/net/index.ts'
import { AddressFamily } from '../../services/raw/flags.ts'
import { encodeAddress } from '../../services/raw/socket-address.ts'
import { Ringmaster } from '../../services/ringmaster.ts'
import { descriptors, eventually, pollers, seededBytes, temporaryFolder } from '../services/harness.ts'
import { closed, listening, nodeSide, portOf, ringSide } from './sides.ts'
import type { AnyServer, AnySocket, Side } from './sides.ts'

const run = promisify(execFile)
const stopped = (server: AnyServer): Promise<void> => new Promise((resolve) => server.close(() => resolve()))

describe.each(pollers)('a server with poller %s', (poller) => {
  let rings: Ringmaster
  let ours: Side
  const folder = temporaryFolder()
  const servers: AnyServer[] = []
  const serve = (side: Side, onConnection: (socket: AnySocket) => void = () => undefined): AnyServer => {
    const server = side.createServer({}, onConnection)
    servers.push(server)
    return server
  }
  beforeAll(async () => {
    rings = await Ringmaster.start({ rings: 2, poller, closeGraceMs: 500 })
    ours = ringSide(rings)
  })
  afterEach(async () => {
    for (const server of servers.splice(0)) if (server.listening) await stopped(server)
  })
  afterAll(async () => {
    await rings.close()
    folder.remove()
  })

  it.each([
    ['an address', { port: 0, host: '127.0.0.1' }],
    ['a name', { port: 0, host: 'localhost' }],
    ['every address', { port: 0 }],
    ['the address of IPv6', { port: 0, host: '::1' }],
  ])('listens at %s as node:net does', async (_name, where) => {
    const found: unknown[] = []
    for (const side of [ours, nodeSide]) {
      const server = serve(side, (socket) => socket.end('here'))
      await listening(server, where)
      const { address, family, port } = server.address() as net.AddressInfo
      found.push([address, family])
      const client = net.connect(port, 'host' in where ? where.host : '127.0.0.1')
      const [bytes] = (await once(client, 'data')) as [Buffer]
      expect(bytes.toString()).toBe('here')
      await closed(client)
    }
    expect(found[0]).toEqual(found[1])
  })

  it('listens at a path, and leaves none behind', async () => {
    const path = `${folder.path}/listening`
    const server = serve(ours, (socket) => socket.end('here'))
    await listening(server, { path })
    expect(server.address()).toBe(path)
    const client = net.connect(path)
    expect(String(await once(client, 'data'))).toBe('here')
    await closed(client)
    await stopped(server)
    expect(existsSync(path)).toBe(false)
  })

  it('takes over a socket that listens already, as a service manager passes it', async () => {
    const fd = openStreamSocket(AddressFamily.AF_INET)
    bindSocket(fd, encodeAddress({ address: '127.0.0.1', port: 0 }))
    listenSocket(fd, 16)
    const server = serve(ours, (socket) => socket.end('here'))
    await listening(server, { fd })
    const client = net.connect(portOf(server), '127.0.0.1')
    expect(String(await once(client, 'data'))).toBe('here')
    await stopped(server)
    expect(() => fstatSync(fd)).toThrow('EBADF')
  })

  it.each([
    ['the port is taken', 'taken'],
    ['the address is nobody’s here', { port: 0, host: '192.0.2.1' }],
    ['there is no such folder', { path: '/nonexistent/socket' }],
  ] as const)('fails as node:net does where %s', async (_name, where) => {
    const fate = async (side: Side): Promise<unknown[]> => {
      const holder = serve(nodeSide)
      await listening(holder, { port: 0, host: '127.0.0.1' })
      const port = portOf(holder)
      const failure = await listening(serve(side), where === 'taken' ? { port, host: '127.0.0.1' } : where).then(
        () => null,
        (error: NodeJS.ErrnoException & { address?: string; port?: number }) => error,
      )
      const portless = failure?.message.replace(String(port), 'PORT')
      return [failure?.code, failure?.errno, failure?.syscall, failure?.address, failure?.port === port, portless]
    }
    expect(await fate(ours)).toEqual(await fate(nodeSide))
  })

  it.each([
    [{ port: 65_536 }, 'ERR_OUT_OF_RANGE'],
    [{ fd: 0 }, 'ERR_INVALID_ARG_VALUE'],
    [{}, 'ERR_INVALID_ARG_VALUE'],
    [{ path: 'x'.repeat(200) }, 'ERR_OUT_OF_RANGE'],
  ])('refuses %j', async (where, code) => {
    await expect(listening(serve(ours), where)).rejects.toMatchObject({ code })
  })

  it.each([
    [{ port: 0, reusePort: 'yes' }],
    [{ port: 0, host: '::1', ipv6Only: 1 }],
    [{ path: 'refused', readableAll: 'yes' }],
    [{ port: 0, signal: 'none' }],
  ])('refuses %j, and leaves nothing', async (where) => {
    const before = descriptors().length
    const given = 'path' in where ? { ...where, path: `${folder.path}/${where.path}` } : where
    await expect(listening(serve(ours), given as never)).rejects.toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' })
    expect(descriptors().length).toBe(before)
    expect(existsSync(`${folder.path}/refused`)).toBe(false)
  })

  it('leaves nothing of a path whose rights cannot be set', async () => {
    const path = `${folder.path}/rights`
    const before = descriptors().length
    const refused = vi.spyOn(fs, 'chmodSync').mockImplementation(() => {
      throw Object.assign(new Error('EPERM: operation not permitted, chmod'), { code: 'EPERM', errno: -1 })
    })
    syncBuiltinESMExports()
    try {
      const server = createServer(rings)
      await expect(listening(server, { path, writableAll: true } as never)).rejects.toMatchObject({ code: 'EPERM' })
    } finally {
      refused.mockRestore()
      syncBuiltinESMExports()
    }
    expect(descriptors().length).toBe(before)
    expect(existsSync(path)).toBe(false)
  })

  it('closes when a signal fires, and listens to none that concerns it no more', async () => {
    const controller = new AbortController()
    const server = serve(ours)
    await listening(server, { port: 0, host: '127.0.0.1', signal: controller.signal })
    const over = once(server, 'close')
    controller.abort()
    await over
    await listening(server, { port: 0, host: '127.0.0.1' })
    expect(getEventListeners(controller.signal, 'abort')).toEqual([])
  })

  it('lets in no more than maxConnections, and tells of each that it turns away', async () => {
    const server = createServer(rings, (socket) => socket.resume())
    servers.push(server)
    server.maxConnections = 3
    const dropped: unknown[] = []
    server.on('drop', (who) => dropped.push(who))
    await listening(server, { port: 0, host: '127.0.0.1' })
    const clients = Array.from({ length: 5 }, () => net.connect(portOf(server), '127.0.0.1'))
    for (const client of clients) client.on('error', () => undefined).resume()
    expect(await eventually(() => dropped.length === 2)).toBe(true)
    expect(dropped[0]).toMatchObject({ remoteAddress: '127.0.0.1' })
    for (const client of clients) client.destroy()
  })

  it('takes no more connections than its ring has requests for: the others wait, and those that are there are served', async () => {
    const own = await Ringmaster.start({ rings: 1, poller, sqEntries: 64, cqEntries: 256, closeGraceMs: 500 })
    let starved = 0
    const server = createServer(own, (socket) => socket.on('error', () => undefined).pipe(socket))
    server.on('starved', () => starved++)
    await listening(server, { port: 0, host: '127.0.0.1' })
    const clients = Array.from({ length: 300 }, () => net.connect(portOf(server as AnyServer), '127.0.0.1'))
    for (const client of clients) client.on('error', () => undefined)
    expect(await eventually(() => starved > 0)).toBe(true)
    // Each is sent more than it takes: sends that wait are requests, too.
    for (const client of clients.slice(0, 20)) client.pause().write(Buffer.alloc(4 << 20))
    const served = new Set<net.Socket>()
    for (const client of clients.slice(20)) {
      client.on('data', () => served.add(client))
      client.write('question')
    }
    expect(await eventually(() => served.size >= 20)).toBe(true)
    expect(served.size).toBeLessThan(120)
    for (const client of clients.slice(0, 20)) client.destroy()
    const all = await eventually(() => {
      for (const client of served) client.destroy()
      return served.size === 280
    })
    expect(all).toBe(true)
    await stopped(server)
    await own.close()
  })

  it('closes when the last connection has ended, and leaves no descriptor', async () => {
    const before = descriptors().length
    let accepted = 0
    const server = serve(ours, (socket) => {
      accepted++
      socket.on('error', () => undefined).resume()
    })
    await listening(server, { port: 0, host: '127.0.0.1' })
    const clients = Array.from({ length: 20 }, () => net.connect(portOf(server), '127.0.0.1'))
    expect(await eventually(() => accepted === clients.length)).toBe(true)
    const over = stopped(server)
    await expect(Promise.race([over, sleep(30, 'open')])).resolves.toBe('open')
    clients.forEach((client, index) => (index % 2 === 0 ? client.end() : client.resetAndDestroy()))
    await over
    for (const client of clients) client.destroy()
    expect(await eventually(() => descriptors().length <= before)).toBe(true)
  })

  it('says that it is not running, as node:net does', async () => {
    const failure = (side: Side): Promise<unknown> =>
      new Promise((resolve) => {
        side.createServer({}, () => undefined).close((error) => resolve((error as NodeJS.ErrnoException).code))
      })
    expect(await failure(ours)).toBe(await failure(nodeSide))
  })

  it('closing the rings closes it, and ends every connection with ERR_RING_CLOSED', async () => {
    const own = await Ringmaster.start({ rings: 1, poller, closeGraceMs: 500 })
    const server = ringSide(own).createServer({}, (socket) => {
      socket.on('error', (error: NodeJS.ErrnoException) => codes.push(error.code))
      socket.resume()
    })
    const codes: unknown[] = []
    const over = once(server, 'close')
    await listening(server, { port: 0, host: '127.0.0.1' })
    const client = net.connect(portOf(server), '127.0.0.1')
    client.on('error', () => undefined).resume()
    const left = closed(client)
    await once(server, 'connection')
    await own.close()
    await Promise.all([left, over])
    expect(codes).toEqual(['ERR_RING_CLOSED'])
  })

  describe('node:http on it', () => {
    let web: http.Server
    let server: AnyServer
    const answer: http.RequestListener = (request, response) => {
      const hash = createHash('sha256')
      request.on('data', (bytes: Buffer) => hash.update(bytes))
      request.on('end', () => response.end(request.method === 'POST' ? hash.digest('hex') : `path ${request.url}`))
    }
    beforeAll(async () => {
      web = http.createServer({ keepAliveTimeout: 300, requestTimeout: 2000, headersTimeout: 1000 }, answer)
      server = ours.createServer({}, (socket) => web.emit('connection', socket))
      await listening(server, { port: 0, host: '127.0.0.1' })
    })
    afterAll(async () => {
      web.closeAllConnections()
      await stopped(server)
    })

    it('serves curl, keeping the connection', async () => {
      const url = `http://127.0.0.1:${portOf(server)}`
      const { stdout, stderr } = await run('curl', ['-sv', `${url}/one`, `${url}/two`])
      expect(stdout).toBe('path /onepath /two')
      expect(stderr).toMatch(/Re-using existing connection/)
    })

    it('serves fetch, and takes large bodies', async () => {
      const body = seededBytes(5 << 20, 3)
      const response = await fetch(`http://127.0.0.1:${portOf(server)}/`, {
        method: 'POST',
        body: new Uint8Array(body),
      })
      expect(await response.text()).toBe(createHash('sha256').update(body).digest('hex'))
    })

    it('closes connections that are idle for too long', async () => {
      const client = net.connect(portOf(server), '127.0.0.1')
      client.write('GET / HTTP/1.1\r\nHost: here\r\n\r\n')
      client.resume()
      await closed(client)
      expect(client.bytesRead).toBeGreaterThan(0)
    })
  })
})
