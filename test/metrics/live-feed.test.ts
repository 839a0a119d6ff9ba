// The stream of frames over real sockets: built only while somebody looks, once for all, bounded for who does not read.
import { connect, type Socket } from 'node:net'
import { Registry } from 'prom-client'
import { afterEach, describe, expect, it } from 'vitest'
import { startAdminServer, type AdminServer } from '../../metrics/admin-server.ts'
import { LiveFeed, type LiveFeedOptions } from '../../metrics/live-feed.ts'
import { liveVersion, type LiveFrame, type LiveSource } from '../../metrics/live-protocol.ts'
import { eventually } from '../services/harness.ts'

const closers: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

/** Frames of which only the number counts, as large as is asked for. */
function source(sizeBytes = 0): LiveSource & { rests: number } {
  let sequence = 0
  return {
    rests: 0,
    about: () => ({
      liveVersion,
      version: 'test',
      ...{ host: 'here', pid: 7, startedMs: 0 },
      node: '',
      kernel: '',
      effectiveCpus: 1,
      wakeCostNs: 0,
      spinNs: 0,
      placement: 'x'.repeat(10),
    }),
    frame: (): LiveFrame => ({
      sequence: ++sequence,
      atMs: Date.now(),
      spanMs: 0,
      rings: [],
      ringsLeftOut: 0,
      histogramsLeftOut: 0,
      arenas: [],
      jobs: [{ kind: 'x'.repeat(sizeBytes), name: '', state: '', detail: '', progress: -1 }],
    }),
    rest() {
      this.rests++
    },
  }
}

async function start(options: Partial<LiveFeedOptions> = {}): Promise<{ feed: LiveFeed; server: AdminServer }> {
  const feed = new LiveFeed({ source: source(), ...options })
  const server = await startAdminServer({
    host: '127.0.0.1',
    port: 0,
    registry: new Registry(),
    ready: () => ({ ok: true }),
    live: () => ({ ok: true }),
    describe: () => '',
    routes: new Map([['/live', feed.route]]),
  })
  closers.push(
    () => server.close(),
    () => feed.close(),
  )
  return { feed, server }
}

/** A viewer that reads, or does not. */
function look({ url }: AdminServer, reads = true): { socket: Socket; text: () => string } {
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  let text = ''
  socket.on('error', () => undefined)
  if (reads) socket.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
  else socket.pause()
  socket.write('GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n')
  closers.push(() => void socket.destroy())
  return { socket, text: () => text }
}

const framesIn = (text: string): number => text.split('event: frame').length - 1

describe('the feed', () => {
  it('says what it is about once, then sends frames', async () => {
    const { server } = await start()
    const viewer = look(server)
    expect(await eventually(() => framesIn(viewer.text()) >= 3)).toBe(true)
    expect(viewer.text()).toMatch(/^HTTP\/1\.1 200 OK\r\nContent-Type: text\/event-stream\r\n/)
    expect(viewer.text().split('event: about')).toHaveLength(2)
    expect(viewer.text()).toContain('"version":"test"')
  })

  it('tells with each frame whether the process is ready', async () => {
    const { server } = await start({ ready: () => ({ ok: false, reason: 'stopping' }) })
    const viewer = look(server)
    expect(await eventually(() => framesIn(viewer.text()) >= 1)).toBe(true)
    expect(viewer.text()).toContain('"ready":{"ok":false,"reason":"stopping"}')
  })

  it('says to HEAD what it would say to GET, and counts nobody as a viewer for it', async () => {
    const { feed, server } = await start({ viewersMax: 1 })
    const head = async (): Promise<number> => (await fetch(`${server.url}/live`, { method: 'HEAD' })).status
    expect(await head()).toBe(200)
    expect([feed.viewerCount, feed.framesBuilt]).toEqual([0, 0])
    const viewer = look(server)
    expect(await eventually(() => framesIn(viewer.text()) >= 1)).toBe(true)
    expect(await head()).toBe(503)
  })

  it('builds nothing while nobody looks', async () => {
    const own = source()
    const { feed, server } = await start({ source: own, framesPerSecond: 10 })
    expect(feed.framesBuilt).toBe(0)
    const viewer = look(server)
    expect(await eventually(() => feed.framesBuilt >= 2)).toBe(true)
    viewer.socket.destroy()
    expect(await eventually(() => feed.viewerCount === 0)).toBe(true)
    const { framesBuilt } = feed
    expect(own.rests).toBe(1)
    // Another viewer's first frame is the next one: none was built in between, however long that took.
    await new Promise((resolve) => setTimeout(resolve, 500))
    expect(feed.framesBuilt).toBe(framesBuilt)
    const next = look(server)
    expect(await eventually(() => framesIn(next.text()) >= 1)).toBe(true)
    expect(next.text()).toContain(`id: ${framesBuilt + 1}\n`)
  })

  it('builds each frame once, however many look', async () => {
    const { feed, server } = await start()
    const viewers = [look(server), look(server), look(server)]
    expect(await eventually(() => viewers.every(({ text }) => framesIn(text()) >= 3))).toBe(true)
    const ids = viewers.map(({ text }) => [...text().matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id)))
    for (const seen of ids) expect(Math.max(...seen)).toBeLessThanOrEqual(feed.framesBuilt)
    expect(new Set(ids.flat()).size).toBeLessThanOrEqual(feed.framesBuilt)
  })

  it('refuses more viewers than it may have, and takes another when one has gone', async () => {
    const { feed, server } = await start({ viewersMax: 2 })
    const viewers = [look(server), look(server)]
    expect(await eventually(() => feed.viewerCount === 2)).toBe(true)
    const refused = await fetch(`${server.url}/live`)
    expect(refused.status).toBe(503)
    expect(refused.headers.get('retry-after')).toBe('10')
    expect(await refused.text()).toBe('2 viewers are looking already: close one\n')
    viewers[0]!.socket.destroy()
    expect(await eventually(() => feed.viewerCount === 1)).toBe(true)
    const third = look(server)
    expect(await eventually(() => framesIn(third.text()) >= 1)).toBe(true)
  })

  it('keeps one frame at most for a viewer that does not read, and lets it go', async () => {
    const { feed, server } = await start({ source: source(4 * 1024 * 1024), framesPerSecond: 10, unreadMsMax: 300 })
    look(server, false)
    expect(await eventually(() => feed.viewerCount === 1)).toBe(true)
    expect(await eventually(() => feed.viewerCount === 0)).toBe(true)
  })

  it('goes on for the others meanwhile', async () => {
    const { feed, server } = await start({ source: source(1024 * 1024), framesPerSecond: 10, unreadMsMax: 300 })
    look(server, false)
    const viewer = look(server)
    expect(await eventually(() => framesIn(viewer.text()) >= 5)).toBe(true)
    expect(await eventually(() => feed.viewerCount === 1)).toBe(true)
    expect(viewer.socket.destroyed).toBe(false)
  })

  it('is no reason for the server not to close', async () => {
    const { server } = await start()
    const viewer = look(server)
    expect(await eventually(() => framesIn(viewer.text()) >= 1)).toBe(true)
    await server.close()
    expect(await eventually(() => viewer.socket.closed || viewer.socket.readableEnded)).toBe(true)
  })

  it('refuses rates that are none', () => {
    expect(() => new LiveFeed({ source: source(), framesPerSecond: 11 })).toThrow(RangeError)
    expect(() => new LiveFeed({ source: source(), framesPerSecond: NaN })).toThrow(RangeError)
  })

  it('counts frames and viewers in the metrics, and takes them out again', async () => {
    const { feed, server } = await start()
    const registry = new Registry()
    const remove = feed.register(registry)
    look(server)
    expect(await eventually(() => feed.framesBuilt > 0)).toBe(true)
    const text = await registry.metrics()
    expect(text).toMatch(/^ringmaster_live_frames_total [1-9]\d*$/m)
    expect(text).toMatch(/^ringmaster_live_viewers 1$/m)
    remove()
    expect(await registry.metrics()).toBe('\n')
  })
})
