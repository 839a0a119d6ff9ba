// node:http, TLS and what people build on them, over sockets of rings on either side: keep-alive, pipelining, upgrades, tunnels, expectations.
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import http from 'node:http'
import type { AgentOptions, ClientRequest, IncomingMessage } from 'node:http'
import net from 'node:net'
import { Readable } from 'node:stream'
import type { Duplex } from 'node:stream'
import { text } from 'node:stream/consumers'
import tls from 'node:tls'
import fastify from 'fastify'
import { Client } from 'undici'
import type { buildConnector } from 'undici'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connect, createServer } from '../../services/net/index.ts'
import type { ConnectOptions, Socket } from '../../services/net/index.ts'
import { Ringmaster } from '../../services/ringmaster.ts'
import { pollers, seededBytes } from '../services/harness.ts'
import { closed, listening, portOf, ringSide } from './sides.ts'
import type { AnyServer } from './sides.ts'

const host = '127.0.0.1'
const large = seededBytes(3 << 20, 9)
/** What takes a net.Socket takes ours: what is missing there is asked of nobody. */
const asNet = (socket: Duplex): net.Socket => socket as net.Socket
const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')
const stopped = (server: AnyServer): Promise<void> => new Promise((resolve) => server.close(() => resolve()))

describe.each(pollers)('over sockets with poller %s', (poller) => {
  let rings: Ringmaster
  let web: http.Server
  let server: AnyServer
  let connections = 0
  beforeAll(async () => {
    rings = await Ringmaster.start({ rings: 2, poller, closeGraceMs: 500 })
    web = http.createServer((request, response) => {
      if (request.url === '/large') {
        response.end(large)
        return
      }
      if (request.url === '/endless') {
        const endless = new Readable({ read: () => endless.push(large) })
        endless.pipe(response).once('close', () => endless.destroy())
        return
      }
      void text(request).then((body) => response.end(`${request.method} ${request.url} ${body}`))
    })
    server = ringSide(rings).createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      connections++
      web.emit('connection', socket)
    })
    await listening(server, { port: 0, host })
  })
  afterAll(async () => {
    web.closeAllConnections()
    await stopped(server)
    await rings.close()
  })

  const over = (options: ConnectOptions): net.Socket => asNet(connect(rings, options))
  class RingAgent extends http.Agent {
    constructor(options?: AgentOptions) {
      super(options)
      Object.assign(this, { createConnection: over })
    }
  }
  const ask = (options: http.RequestOptions): ClientRequest =>
    http.request({ host, port: portOf(server), agent: new RingAgent(), ...options })
  const answerTo = async (request: ClientRequest): Promise<string> => {
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    return text(response)
  }

  it('answers what was sent in one piece one after the other', async () => {
    const client = net.connect(portOf(server), host)
    client.write(['/1', '/2', '/3'].map((path) => `GET ${path} HTTP/1.1\r\nHost: here\r\n\r\n`).join(''))
    client.write('GET /4 HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n')
    const answers = await text(client)
    expect(answers.match(/GET \/\d/g)).toEqual(['GET /1', 'GET /2', 'GET /3', 'GET /4'])
  })

  it('keeps a connection for many requests, and opens as many as are wanted at once', async () => {
    const agent = new RingAgent({ keepAlive: true, maxSockets: 3 })
    const before = connections
    for (let index = 0; index < 10; index++) {
      const request = ask({ agent, path: `/${index}`, method: 'POST' })
      request.end(`body ${index}`)
      expect(await answerTo(request)).toBe(`POST /${index} body ${index}`)
    }
    expect(connections - before).toBe(1)
    const many = Array.from({ length: 30 }, (_, index) => {
      const request = ask({ agent, path: `/${index}` })
      request.end()
      return answerTo(request)
    })
    expect((await Promise.all(many)).at(-1)).toBe('GET /29 ')
    expect(connections - before).toBe(3)
    agent.destroy()
  })

  it('waits for 100 Continue', async () => {
    const request = ask({ method: 'PUT', path: '/file', headers: { Expect: '100-continue' } })
    request.flushHeaders()
    await once(request, 'continue')
    request.end('content')
    expect(await answerTo(request)).toBe('PUT /file content')
  })

  it('becomes another protocol, with what came behind the headers', async () => {
    web.once('upgrade', (_request: IncomingMessage, socket: Duplex, first: Buffer) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\nat once ')
      socket.write(first)
      socket.pipe(socket)
    })
    const request = ask({ headers: { Connection: 'Upgrade', Upgrade: 'echo' } })
    request.end()
    const [, socket, first] = (await once(request, 'upgrade')) as [IncomingMessage, Duplex, Buffer]
    socket.end('later')
    expect(first.toString() + (await text(socket))).toBe('at once later')
  })

  it('is a tunnel', async () => {
    const far = net.createServer((socket) => socket.pipe(socket)).listen(0, host)
    await once(far, 'listening')
    web.once('connect', (request: IncomingMessage, socket: Duplex) => {
      const [name, port] = request.url!.split(':')
      const onward = over({ host: name, port: port! })
      socket.write('HTTP/1.1 200 Connection Established\r\n\r\n')
      onward.pipe(socket).pipe(onward)
    })
    const request = ask({ method: 'CONNECT', path: `${host}:${(far.address() as net.AddressInfo).port}` })
    request.end()
    const [, socket] = (await once(request, 'connect')) as [IncomingMessage, Duplex]
    const content = seededBytes(300_000, 4)
    socket.end(content)
    const parts: Buffer[] = []
    for await (const bytes of socket) parts.push(bytes as Buffer)
    expect(sha256(Buffer.concat(parts))).toBe(sha256(content))
    far.close()
  })

  it('hears that nobody wants the answer any more', async () => {
    const answered = once(web, 'request') as Promise<[IncomingMessage, http.ServerResponse]>
    const request = ask({ path: '/endless' }).on('error', () => undefined)
    request.once('response', () => request.destroy()).end()
    const [, response] = await answered
    if (!response.closed) await closed(response)
    expect(request.destroyed).toBe(true)
  })

  it('serves undici, which connects over it', async () => {
    const connector = (options: buildConnector.Options, callback: buildConnector.Callback): void => {
      const socket = over({ host: options.hostname, port: options.port })
      socket.once('connect', () => {
        callback(null, socket)
      })
      socket.once('error', (error) => {
        callback(error, null)
      })
    }
    const client = new Client(`http://${host}:${portOf(server)}`, { connect: connector, pipelining: 4 })
    const bodies = Array.from({ length: 12 }, async (_, index) => {
      const { body } = await client.request({ method: 'POST', path: `/${index}`, body: `body ${index}` })
      return body.text()
    })
    expect((await Promise.all(bodies)).at(-1)).toBe('POST /11 body 11')
    const { body } = await client.request({ method: 'GET', path: '/large' })
    expect(sha256(Buffer.from(await body.arrayBuffer()))).toBe(sha256(large))
    await client.close()
  })

  it('serves Fastify', async () => {
    const app = fastify()
    app.post('/sum', (request) => ({ sum: (request.body as number[]).reduce((all, value) => all + value, 0) }))
    app.get('/from', (request) => request.ip)
    await app.ready()
    const own = createServer(rings, { allowHalfOpen: true }, (socket) => app.server.emit('connection', socket))
    await listening(own, { port: 0, host })
    const url = `http://${host}:${portOf(own)}`
    const headers = { 'content-type': 'application/json' }
    const response = await fetch(`${url}/sum`, { method: 'POST', headers, body: JSON.stringify([1, 2, 39]) })
    expect(await response.json()).toEqual({ sum: 42 })
    expect(await (await fetch(`${url}/from`)).text()).toBe(host)
    await own[Symbol.asyncDispose]() // an http.Server that does not listen itself knows of no connections
    await app.close()
  })

  describe('TLS', () => {
    const psk = Buffer.alloc(32, 7)
    const shared = { ciphers: 'PSK', minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' } as const
    const serverSide = { ...shared, pskCallback: () => psk }
    const clientSide = { ...shared, pskCallback: () => ({ psk, identity: 'me' }), checkServerIdentity: () => undefined }

    it.each(['tls.TLSSocket on each connection', 'a tls.Server that is given connections'])('%s', async (way) => {
      const content = seededBytes(700_000, 6)
      const echo = (secure: Duplex): void => {
        secure.on('error', () => undefined)
        secure.pipe(secure)
      }
      const secureServer = tls.createServer({ ...serverSide, allowHalfOpen: true }, echo)
      const own = createServer(rings, { allowHalfOpen: true }, (socket: Socket) => {
        const plain = asNet(socket)
        if (way.includes('Server')) secureServer.emit('connection', plain)
        else
          echo(
            new tls.TLSSocket(plain, {
              isServer: true,
              secureContext: tls.createSecureContext(shared),
              ...serverSide,
            }),
          )
      })
      await listening(own, { port: 0, host })
      const port = (own.address() as net.AddressInfo).port
      const secure = tls.connect({ ...clientSide, socket: over({ port, host }) })
      secure.end(content)
      const parts: Buffer[] = []
      for await (const bytes of secure) parts.push(bytes as Buffer)
      expect(sha256(Buffer.concat(parts))).toBe(sha256(content))
      await stopped(own)
    })
  })
})
