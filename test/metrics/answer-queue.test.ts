// Many requests at a time on the operator's port, over real sockets: each connection is answered one by one and in order, who asks for
// little does not wait for who asks for much, and the thread has time for others in between.

import { connect, type Socket } from 'node:net'
import { Registry } from 'prom-client'
import { afterEach, describe, expect, it } from 'vitest'
import { type AdminServer, type Route, startAdminServer } from '../../metrics/admin-server.ts'
import { eventually } from '../services/harness.ts'

const servers: AdminServer[] = []
const sockets: Socket[] = []
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  await Promise.all(servers.splice(0).map((server) => server.close()))
})

async function start(routes: Readonly<Record<string, Route>>): Promise<AdminServer> {
  const server = await startAdminServer({
    host: '127.0.0.1',
    port: 0,
    registry: new Registry(),
    ready: () => ({ ok: true }),
    live: () => ({ ok: true }),
    describe: () => '',
    routes: new Map(Object.entries(routes)),
  })
  servers.push(server)
  return server
}

interface Client {
  readonly socket: Socket
  readonly text: () => string
}

/** Sends all of them at once, before it reads the first answer. */
function ask({ url }: AdminServer, paths: readonly string[]): Client {
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  let text = ''
  socket.on('error', () => undefined)
  socket.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
  socket.write(paths.map((path) => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`).join(''))
  sockets.push(socket)
  return { socket, text: () => text }
}

const numbered = (path: string, count: number): string[] => Array.from({ length: count }, (_, at) => `${path}?${at}`)
const answersIn = ({ text }: Client): string[] => text().match(/<\d+>/g) ?? []

function keepBusy(spanMs: number): void {
  const startMs = performance.now()
  while (performance.now() - startMs < spanMs) Math.sqrt(spanMs)
}

describe('requests that do not wait for each other’s answers', () => {
  it('are answered one at a time and in order on each connection', async () => {
    let [now, most] = [0, 0]
    const server = await start({
      '/slow': async ({ url }) => {
        most = Math.max(most, ++now)
        await new Promise((resolve) => setTimeout(resolve, 2))
        now--
        return { status: 200, body: `<${url.search.slice(1)}>` }
      },
    })
    const client = ask(server, numbered('/slow', 40))
    expect(await eventually(() => answersIn(client).length === 40)).toBe(true)
    expect(answersIn(client)).toEqual(numbered('', 40).map((query) => `<${query.slice(1)}>`))
    expect(most).toBe(1)
  })

  it('are no reason to let one client’s answer wait on another’s', async () => {
    let begun = 0
    const server = await start({
      '/never': () => {
        begun++
        return new Promise(() => undefined)
      },
    })
    for (let clients = 0; clients < 5; clients++) ask(server, ['/never', '/never'])
    expect(await eventually(() => begun === 5)).toBe(true)
    expect((await fetch(`${server.url}/livez`)).status).toBe(200)
    expect(begun).toBe(5)
  })

  it('come after who has asked for one only', async () => {
    const order: string[] = []
    const route: Route = ({ url }) => {
      order.push(url.pathname)
      if (url.pathname === '/much') keepBusy(3)
      return { status: 200, body: '' }
    }
    const server = await start({ '/much': route, '/little': route })
    ask(server, numbered('/much', 60))
    expect(await eventually(() => order.length >= 1)).toBe(true)
    ask(server, ['/little'])
    expect(await eventually(() => order.length === 61)).toBe(true)
    expect(order.indexOf('/little')).toBeLessThan(40)
  })

  it('come after a probe, however many they are', async () => {
    let begun = 0
    const server = await start({
      '/metrics': () => {
        begun++
        keepBusy(10)
        return { status: 200, body: '' }
      },
    })
    const scrapers = Array.from({ length: 60 }, () => ask(server, numbered('/metrics', 4)))
    expect(await eventually(() => begun >= 1)).toBe(true)
    expect((await fetch(`${server.url}/livez`)).status).toBe(200)
    expect((await fetch(`${server.url}/readyz?verbose`)).status).toBe(200)
    expect(begun).toBeLessThan(120)
    expect(scrapers.every(({ socket }) => !socket.destroyed)).toBe(true)
  })

  it.each([
    ['one, beside others', 1, 8],
    ['several', 20, 1],
  ])('are answered to a client that has closed its half: %s', async (_what, count, others) => {
    const server = await start({
      '/slow': async ({ url }) => {
        await new Promise((resolve) => setTimeout(resolve, 5))
        keepBusy(2)
        return { status: 200, body: `<${url.search.slice(1)}>` }
      },
    })
    for (let other = 0; other < others; other++) ask(server, numbered('/slow', 20))
    const client = ask(server, numbered('/slow', count))
    client.socket.end()
    expect(await eventually(() => client.socket.closed)).toBe(true)
    expect(answersIn(client)).toEqual(numbered('', count).map((query) => `<${query.slice(1)}>`))
  })

  it('are not begun for who has gone before their turn, where they take long', async () => {
    let aborted: boolean | undefined
    const server = await start({
      '/busy': () => {
        keepBusy(50)
        return { status: 200, body: '' }
      },
      '/long': ({ signal }) => {
        aborted = signal.aborted
        return { status: 200, body: '' }
      },
    })
    ask(server, ['/busy', '/busy'])
    const client = ask(server, ['/long'])
    client.socket.end()
    expect(await eventually(() => aborted !== undefined)).toBe(true)
    expect(aborted).toBe(true)
  })

  it('leave the thread to others between two answers', async () => {
    let turn = 0
    const turns: number[] = []
    const server = await start({
      '/busy': () => {
        turns.push(turn)
        keepBusy(2)
        return { status: 200, body: '' }
      },
    })
    let counts = true
    const count = (): void => {
      turn++
      if (counts) setImmediate(count)
    }
    count()
    for (let clients = 0; clients < 4; clients++) ask(server, numbered('/busy', 10))
    expect(await eventually(() => turns.length === 40)).toBe(true)
    counts = false
    expect(new Set(turns).size).toBe(40)
  })

  it('cost the connection beyond 64, and nobody else anything', async () => {
    let answered = 0
    const server = await start({
      '/much': () => {
        answered++
        return { status: 200, body: 'x'.repeat(100_000) }
      },
    })
    const greedy = Array.from({ length: 10 }, () => ask(server, numbered('/much', 5_000)))
    expect(await eventually(() => greedy.every(({ socket }) => socket.destroyed))).toBe(true)
    expect(answered).toBeLessThan(700)
    expect((await fetch(`${server.url}/livez`)).status).toBe(200)
    const modest = ask(server, numbered('/much', 60))
    expect(await eventually(() => modest.text().split('HTTP/1.1 200').length === 61)).toBe(true)
  })
})
