// The operator's port over real sockets: what it answers, and that nothing a client sends can stop it.

import { once } from 'node:events'
import { request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { networkInterfaces } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { Counter, type OpenMetricsContentType, Registry } from 'prom-client'
import { afterEach, describe, expect, it } from 'vitest'
import { type AdminServer, type AdminServerOptions, startAdminServer } from '../../metrics/admin-server.ts'
import { eventually } from '../services/harness.ts'
import { parseExposition, sampleValue } from './exposition.ts'
import { makeBusyRing, registerRings } from './ring-source.ts'

const servers: AdminServer[] = []
const sockets: Socket[] = []
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  await Promise.all(servers.splice(0).map((server) => server.close()))
})

async function start(overrides: Partial<AdminServerOptions> = {}): Promise<AdminServer> {
  const registry = new Registry()
  new Counter({ name: 'things_total', help: 'Things.', registers: [registry] }).inc(3)
  const server = await startAdminServer({
    host: '127.0.0.1',
    port: 0,
    registry,
    ready: () => ({ ok: true }),
    live: () => ({ ok: true }),
    describe: () => 'ringmaster, 2 rings',
    ...overrides,
  })
  servers.push(server)
  return server
}

function open({ url }: AdminServer): Socket {
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  socket.on('error', () => undefined)
  sockets.push(socket)
  return socket
}

/** Sends bytes as they are; resolves with everything that came back when the server closed the connection. */
function exchange(server: AdminServer, bytes: string | Uint8Array): Promise<string> {
  const socket = open(server)
  let received = ''
  socket.setEncoding('latin1').on('data', (chunk: string) => (received += chunk))
  socket.write(bytes)
  return new Promise((resolve) => socket.on('close', () => resolve(received)))
}

const throwing = (): never => {
  throw new Error('lost the ring')
}

describe('the pages', () => {
  it('/metrics is the registry, under its content type', async () => {
    const response = await fetch(`${(await start()).url}/metrics`)
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toBe(Registry.PROMETHEUS_CONTENT_TYPE)
    expect(response.headers.get('cache-control')).toBe('no-store')
    expect(await response.text()).toContain('things_total 3')
  })

  it('/metrics of an OpenMetrics registry says so', async () => {
    const registry = new Registry<OpenMetricsContentType>()
    registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE)
    const response = await fetch(`${(await start({ registry })).url}/metrics?name[]=x`)
    expect(response.headers.get('content-type')).toBe(Registry.OPENMETRICS_CONTENT_TYPE)
    expect(await response.text()).toContain('# EOF')
  })

  it.each([
    ['/livez', 'live'],
    ['/readyz', 'ready'],
  ] as const)('%s is 200 while all is well, else 503 with the reason', async (path, probe) => {
    let result: { ok: boolean; reason?: string } = { ok: true }
    const { url } = await start({ [probe]: () => result })
    const get = async (): Promise<[number, string]> => {
      const response = await fetch(url + path)
      return [response.status, await response.text()]
    }
    expect(await get()).toEqual([200, 'ok\n'])
    result = { ok: false, reason: 'draining' }
    expect(await get()).toEqual([503, 'draining\n'])
    result = { ok: false }
    expect(await get()).toEqual([503, 'not ok\n'])
  })

  it('/ says what this is and where the rest is', async () => {
    const text = await (await fetch(`${(await start()).url}/`)).text()
    for (const part of ['ringmaster, 2 rings', '/metrics', '/livez', '/readyz']) expect(text).toContain(part)
  })

  it('HEAD has the headers of GET and no body', async () => {
    const { url } = await start()
    for (const path of ['/', '/metrics', '/livez', '/readyz']) {
      const [head, get] = [await fetch(url + path, { method: 'HEAD' }), await fetch(url + path)]
      expect(head.status).toBe(200)
      expect(head.headers.get('content-length')).toBe(get.headers.get('content-length'))
      expect(head.headers.get('content-length')).toBe(String((await get.arrayBuffer()).byteLength))
      expect(await head.text()).toBe('')
    }
  })
})

describe('what is not there', () => {
  it.each(['/metric', '/metrics/', '/Metrics', '//', '/../metrics', '/__proto__', '/%00'])(
    '%s is 404',
    async (path) => {
      const server = await start()
      const status = await new Promise((resolve, reject) => {
        request(server.url, { path }, (response) => resolve(response.resume().statusCode))
          .on('error', reject)
          .end()
      })
      expect(status).toBe(404)
    },
  )

  it.each(['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'])('%s is 405 and says what is allowed', async (method) => {
    const { url } = await start()
    const response = await fetch(`${url}/metrics`, { method, ...(method === 'POST' ? { body: 'x'.repeat(1e5) } : {}) })
    expect(response.status).toBe(405)
    expect(response.headers.get('allow')).toBe('GET, HEAD')
    await response.text()
    expect((await fetch(`${url}/livez`)).status).toBe(200)
  })
})

describe('what goes wrong', () => {
  it.each([
    ['/livez', { live: throwing }],
    ['/readyz', { ready: throwing }],
    ['/', { describe: throwing }],
  ])('in %s is 500 with the message, and the next request is served', async (path, overrides) => {
    const { url } = await start(overrides)
    const response = await fetch(url + path)
    expect([response.status, await response.text()]).toEqual([500, 'lost the ring\n'])
    expect((await fetch(`${url}/metrics`)).status).toBe(200)
  })

  it('in a collector of somebody else is counted, and the rest is sent', async () => {
    const registry = new Registry()
    new Counter({ name: 'broken_total', help: 'Theirs.', registers: [registry], collect: throwing })
    new Counter({ name: 'well_total', help: 'Theirs.', registers: [registry] }).inc(4)
    registerRings(registry, () => [makeBusyRing(0)])
    const response = await fetch(`${(await start({ registry })).url}/metrics`)
    expect(response.status).toBe(200)
    const families = parseExposition(await response.text())
    expect(families.has('broken_total')).toBe(false)
    expect(sampleValue(families, 'well_total', {})).toBe(4)
    const failures = { collector: 'broken_total' }
    expect(sampleValue(families, 'ringmaster_exporter_collector_failures_total', failures)).toBe(1)
  })

  it.each([
    ['garbage', '\u0000\u0001\u0002 nonsense\r\n\r\n', '400'],
    ['TLS', Uint8Array.of(0x16, 3, 1, 0, 5, 1, 0, 0, 1, 0), '400'],
    ['a header that never ends', `GET / HTTP/1.1\r\nHost: x\r\nX: ${'y'.repeat(20_000)}`, '431'],
    ['a request without Host', 'GET / HTTP/1.1\r\n\r\n', '400'],
    ['two lengths', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n', '400'],
    ['CONNECT', 'CONNECT evil:443 HTTP/1.1\r\nHost: x\r\n\r\n', '405'],
    [
      'an upgrade',
      'GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\n\r\n',
      '200',
    ],
  ])('on the wire (%s) ends that connection, not the server', async (_, bytes, status) => {
    const server = await start()
    const [, answered = ''] = (await exchange(server, bytes)).split(' ')
    expect(answered).toBe(status)
    expect((await fetch(`${server.url}/livez`)).status).toBe(200)
  })

  it.each([
    ['absolute form', 'GET http://127.0.0.1/metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n', '200'],
    [
      'somebody else’s absolute form',
      'GET http://evil/metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n',
      '421',
    ],
    ['a name with its root', 'GET /metrics HTTP/1.1\r\nHost: localhost.:80\r\nConnection: close\r\n\r\n', '200'],
  ])('%s is understood', async (_, bytes, status) => {
    const [, answered] = (await exchange(await start(), bytes)).split(' ')
    expect(answered).toBe(status)
  })

  it('connections that say nothing, or half a request, do not keep a probe out; who is being answered stays', async () => {
    let finish: ((reply: { status: number; body: string }) => void) | undefined
    const slow = (): Promise<{ status: number; body: string }> =>
      new Promise((resolve) => {
        finish = resolve
      })
    const server = await start({ routes: new Map([['/slow', slow]]) })
    const answering = fetch(`${server.url}/slow`)
    for (const bytes of ['', 'GET /livez HTTP/1.1\r\nHost: local']) {
      const burst = Array.from({ length: 250 }, () => open(server))
      await Promise.all(burst.map((socket) => new Promise((resolve) => socket.once('connect', resolve))))
      if (bytes !== '') for (const socket of burst) socket.write(bytes)
      for (let probe = 0; probe < 25; probe++) {
        const answer = exchange(server, 'GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
        expect(await answer).toMatch(/^HTTP\/1\.1 200 /)
      }
    }
    finish!({ status: 200, body: 'done' })
    expect(await (await answering).text()).toBe('done')
  })

  it('many that wait for answers do not keep out who takes a moment to ask', async () => {
    const server = await start({ routes: new Map([['/slow', () => new Promise<never>(() => undefined)]]) })
    const asking = Array.from({ length: 200 }, () => open(server))
    for (const socket of asking) socket.write('GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n')
    for (let probe = 0; probe < 25; probe++) {
      const socket = open(server)
      await once(socket, 'connect')
      await sleep(5)
      let answer = ''
      socket.setEncoding('utf8').on('data', (chunk: string) => (answer += chunk))
      socket.write('GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
      await once(socket, 'close')
      expect(answer).toMatch(/^HTTP\/1\.1 200 /)
    }
    expect(asking.every((socket) => !socket.destroyed)).toBe(true)
  })

  it('idle ones that come without end do not keep a probe out where few may be connected', async () => {
    const server = await start({ connections: { connectionsMax: 26, burstMax: 52 } })
    const flood = setInterval(() => {
      for (let count = 0; count < 20; count++) open(server)
    }, 50)
    try {
      let answered = 0
      for (let probe = 0; probe < 25; probe++) {
        const answer = await exchange(server, 'GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
        if (answer.startsWith('HTTP/1.1 200 ')) answered++
        await sleep(20)
      }
      expect(answered).toBeGreaterThanOrEqual(24)
    } finally {
      clearInterval(flood)
    }
  })

  it('many more lose whoever has waited longest for an answer', async () => {
    const server = await start({ routes: new Map([['/slow', () => new Promise<never>(() => undefined)]]) })
    const asking = Array.from({ length: 300 }, () => open(server))
    for (const socket of asking) socket.write('GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n')
    const left = (): number => asking.filter((socket) => !socket.destroyed).length
    expect(await eventually(() => left() === 256)).toBe(true)
    expect(asking.at(-1)!.destroyed).toBe(false)
    expect((await fetch(`${server.url}/livez`)).status).toBe(200)
  })

  it('a client that hangs up in the middle is nobody’s problem', async () => {
    const server = await start()
    for (const bytes of [
      'GET /metr',
      'GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n',
      'POST / HTTP/1.1\r\nContent-Length: 9\r\n',
    ]) {
      const socket = open(server)
      await new Promise<void>((resolve) => socket.write(bytes, () => resolve()))
      socket.resetAndDestroy()
    }
    expect((await fetch(`${server.url}/livez`)).status).toBe(200)
  })

  it('a port already taken is refused with Node’s own error', async () => {
    const { url } = await start()
    await expect(start({ port: Number(new URL(url).port) })).rejects.toMatchObject({ code: 'EADDRINUSE' })
  })
})

describe('the url', () => {
  const hasIpv6 = Object.values(networkInterfaces()).some((addresses) =>
    addresses?.some(({ address }) => address === '::1'),
  )

  it('has the port that was taken', async () => {
    expect((await start()).url).toMatch(/^http:\/\/127\.0\.0\.1:[1-9]\d*$/)
  })

  it('of every interface is one that can be opened', async () => {
    const { url } = await start({ host: '0.0.0.0' })
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:/)
    expect((await fetch(`${url}/livez`)).status).toBe(200)
  })

  it.for(['::1', '::'])('of IPv6 host %s is in brackets and can be opened', async (host, { skip }) => {
    skip(!hasIpv6, 'this machine has no ::1')
    const { url } = await start({ host })
    expect(url).toMatch(/^http:\/\/\[::1\]:\d+$/)
    expect((await fetch(`${url}/livez`)).status).toBe(200)
  })
})

describe('close', () => {
  it('does not wait for connections kept alive, and is done once', async () => {
    const server = await start()
    await (await fetch(`${server.url}/livez`)).text()
    const startMs = performance.now()
    await Promise.all([server.close(), server.close()])
    expect(performance.now() - startMs).toBeLessThan(800)
    await expect(fetch(`${server.url}/livez`)).rejects.toThrow()
  })

  it('gives up on a client in the middle of a request after a second', async () => {
    const server = await start()
    const socket = open(server)
    await new Promise<void>((resolve) => socket.write('GET /metrics HTTP/1.1\r\nHost:', () => resolve()))
    await fetch(`${server.url}/livez`)
    const startMs = performance.now()
    await server.close()
    expect(performance.now() - startMs).toBeLessThan(3_000)
  })
})
