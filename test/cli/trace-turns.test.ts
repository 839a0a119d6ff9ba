// GET /trace shares its thread with probes and scrapes: a whole recording is read, built and sent in pieces, each in a turn of the event loop. Turns
// and events are counted; no time is measured.
import { get, type ServerResponse } from 'node:http'
import { Registry } from 'prom-client'
import { expect, it } from 'vitest'
import { startAdminServer, type AdminRequest } from '../../metrics/admin-server.ts'
import { stepsPerPiece } from '../../metrics/trace-chrome.ts'
import { traceRoute } from '../../services/cli/trace-route.ts'
import { Ringmaster } from '../../services/ringmaster.ts'
import { readChromeTrace } from '../metrics/chrome-trace.ts'
import { eventually, withoutAddon } from '../services/harness.ts'

/** What a piece of work may be about. */
const eventsPerTurn = 200
const operations = 20_000

it.each(['chrome', 'events'])(
  '20,000 operations as %s: no turn has more than its share, and /livez is answered',
  async (format) => {
    await using rings = await Ringmaster.start({ rings: 1, poller: withoutAddon ? 'threadpool' : 'caller' })
    let turn = 0
    let counting = true
    const count = (): void => {
      turn++
      if (counting) setImmediate(count)
    }
    count()
    let stoppedAt = 0
    const watched = {
      stats: () => rings.stats(),
      trace: (...options: Parameters<Ringmaster['trace']>) => {
        const trace = rings.trace(...options)
        const stop = trace.stop.bind(trace)
        trace.stop = () => {
          if (stoppedAt === 0) stoppedAt = turn
          stop()
        }
        return trace
      },
    }
    const route = traceRoute(watched, () => ({}), { record: () => Promise.reject(new Error('not asked for')) })
    const writes: { turn: number; lines: number }[] = []
    const observed = async (request: AdminRequest) => {
      const reply = await route(request)
      if (!('start' in reply)) throw new Error(String(reply.body))
      return {
        ...reply,
        start: (response: ServerResponse) => {
          const write = response.write.bind(response) as (text: string) => boolean
          response.write = (text: string): boolean => {
            writes.push({ turn, lines: text.split('\n').length - 1 })
            return write(text)
          }
          reply.start(response)
        },
      }
    }
    const server = await startAdminServer({
      host: '127.0.0.1',
      port: 0,
      registry: new Registry(),
      ready: () => ({ ok: true }),
      live: () => ({ ok: true }),
      describe: () => '',
      routes: new Map([['/trace', observed]]),
    })
    const recording = fetch(`${server.url}/trace?seconds=2&format=${format}`).then((response) => response.text())
    const ended = { turn: 0 }
    void recording.then(() => (ended.turn = turn))
    expect(await eventually(() => rings.stats().traces.active === 1)).toBe(true)
    for (let done = 0; done < operations; done += 1000)
      await Promise.all(Array.from({ length: 1000 }, () => rings.nop()))
    const answered: number[] = []
    while (ended.turn === 0) {
      await new Promise<void>((resolve, reject) => {
        get(`${server.url}/livez`, (response) => response.resume().once('end', resolve)).once('error', reject)
      })
      if (writes.length > 0 && ended.turn === 0) answered.push(turn)
    }
    counting = false
    const text = await recording
    const kept = format === 'chrome' ? 20_000 : 5000
    expect(
      format === 'chrome'
        ? readChromeTrace(text).slices.length / 3
        : (JSON.parse(text) as { events: [] }).events.length,
    ).toBeGreaterThanOrEqual(kept)
    // Read.
    expect(writes[0]!.turn - stoppedAt).toBeGreaterThanOrEqual(kept / eventsPerTurn)
    // Built and sent.
    expect(Math.max(...writes.map(({ lines }) => lines))).toBeLessThanOrEqual(
      format === 'chrome' ? stepsPerPiece + 1 : eventsPerTurn + 1,
    )
    expect(writes.length).toBeGreaterThanOrEqual(kept / eventsPerTurn)
    expect(new Set(writes.map((write) => write.turn)).size).toBe(writes.length)
    expect(answered.length).toBeGreaterThan(3)
    await server.close()
  },
)
