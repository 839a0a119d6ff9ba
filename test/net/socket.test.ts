// A socket on rings is told the same as one of node:net in the same scene, whoever is on the other side. The oracle is the scene with
// node:net on both sides, played in the same test.
import { once } from 'node:events'
import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Ringmaster } from '../../services/ringmaster.ts'
import { pollers, seededBytes, seededRandom, temporaryFolder, testSeed } from '../services/harness.ts'
import { closed, eventsOf, listening, nodeSide, pairOf, portOf, ringSide } from './sides.ts'
import type { AnySocket, Pair, Side, SocketChoices } from './sides.ts'

type Scene = readonly [name: string, options: SocketChoices, play: (pair: Pair) => void | Promise<void>]

const scenes: readonly Scene[] = [
  [
    'both end',
    {},
    ({ accepted, connected }) => {
      accepted.resume()
      connected.resume()
      connected.end('question')
    },
  ],
  [
    'the server ends first',
    {},
    ({ accepted, connected }) => {
      connected.resume()
      accepted.resume()
      accepted.end('bye')
    },
  ],
  [
    'half open: the answer comes behind the end of the question',
    { allowHalfOpen: true },
    async ({ accepted, connected }) => {
      connected.resume()
      accepted.resume()
      connected.end('question')
      await once(accepted, 'end')
      accepted.write('answer ')
      accepted.end('is this')
    },
  ],
  [
    'the client is destroyed',
    {},
    ({ accepted, connected }) => {
      accepted.resume()
      connected.destroy()
    },
  ],
  [
    'the client is destroyed with an error',
    {},
    ({ accepted, connected }) => {
      accepted.resume()
      connected.destroy(Object.assign(new Error('enough'), { code: 'ENOUGH' }))
    },
  ],
  [
    'the client resets',
    {},
    ({ accepted, connected }) => {
      accepted.resume()
      connected.resetAndDestroy()
    },
  ],
  [
    'the server destroys what it has not read',
    {},
    async ({ accepted, connected }) => {
      connected.resume()
      accepted.pause()
      connected.write('never read')
      await sleep(30)
      accepted.destroy()
    },
  ],
  [
    'one write in each direction, then destroySoon()',
    {},
    async ({ accepted, connected }) => {
      accepted.resume()
      connected.resume()
      connected.write('to')
      accepted.write('fro')
      await once(connected, 'data')
      connected.destroySoon()
    },
  ],
  [
    'writing after the end',
    {},
    ({ accepted, connected }) => {
      accepted.resume()
      connected.resume()
      connected.end()
      connected.write('too late')
    },
  ],
  [
    'nothing happens for some time',
    {},
    async ({ accepted, connected }) => {
      accepted.resume()
      connected.resume()
      connected.setTimeout(20)
      await once(connected, 'timeout')
      connected.end()
    },
  ],
]

describe.each(pollers)('sockets with poller %s', (poller) => {
  let rings: Ringmaster
  let ours: Side
  const folder = temporaryFolder()
  const at = (name: string): string => `${folder.path}/${name}`
  beforeAll(async () => {
    rings = await Ringmaster.start({ rings: 2, poller, closeGraceMs: 500 })
    ours = ringSide(rings)
  })
  afterAll(async () => {
    await rings.close()
    folder.remove()
  })

  async function played([, options, play]: Scene, serving: Side, asking: Side, path?: string): Promise<string[][]> {
    const pair = await pairOf(serving, asking, options, path)
    const ends = Promise.all([closed(pair.accepted), closed(pair.connected)])
    await play(pair)
    await ends
    await new Promise<void>((resolve) => pair.server.close(() => resolve()))
    return [pair.acceptedEvents, pair.connectedEvents]
  }

  describe.each(scenes.map((scene) => [scene[0], scene] as const))('%s', (name, scene) => {
    it('is told as node:net tells it, on either side', async () => {
      const expected = await played(scene, nodeSide, nodeSide)
      expect(await played(scene, ours, nodeSide)).toEqual(expected)
      expect(await played(scene, nodeSide, ours)).toEqual(expected)
      expect(await played(scene, ours, ours)).toEqual(expected)
    })

    // node:net has no resets of those.
    it.skipIf(name === 'the client resets')('is told so on Unix sockets, too', async () => {
      const path = at(`socket-${scenes.indexOf(scene)}`)
      const expected = await played(scene, nodeSide, nodeSide, path)
      expect(await played(scene, ours, ours, path)).toEqual(expected)
    })
  })

  it('carries what was written, whoever reads it: sizes, pauses and pieces at random', async () => {
    const random = seededRandom(testSeed(`net, ${poller}`))
    const whole = (max: number): number => Math.floor(random() * max)
    const talk = async (serving: Side, asking: Side): Promise<void> => {
      const { server, accepted, connected } = await pairOf(serving, asking, { allowHalfOpen: true })
      const back = accepted.pipe(accepted as never)
      expect(back).toBe(accepted)
      const sent = createHash('sha256')
      const got = createHash('sha256')
      let gotBytes = 0
      connected.on('data', (bytes: Buffer) => {
        gotBytes += bytes.length
        got.update(bytes)
        if (whole(20) > 0) return
        connected.pause()
        setTimeout(() => connected.resume(), whole(5))
      })
      let sentBytes = 0
      const over = closed(connected)
      for (let piece = 0; piece < 60; piece++) {
        const bytes = seededBytes(whole(4) === 0 ? whole(400_000) : whole(2000), piece)
        sent.update(bytes)
        sentBytes += bytes.length
        if (!connected.write(bytes)) await once(connected, 'drain')
        if (whole(10) === 0) await sleep(whole(3))
      }
      connected.end()
      await over
      expect(gotBytes).toBe(sentBytes)
      expect(got.digest('hex')).toBe(sent.digest('hex'))
      expect([connected.bytesRead, connected.bytesWritten]).toEqual([sentBytes, sentBytes])
      await new Promise<void>((resolve) => server.close(() => resolve()))
    }
    await talk(ours, nodeSide)
    await talk(nodeSide, ours)
    await talk(ours, ours)
  })

  it('who does not read lets the other side wait, and gets all of it later', async () => {
    const { server, accepted, connected } = await pairOf(ours, ours)
    accepted.pause()
    const content = seededBytes(24 << 20, 5)
    connected.end(content)
    await sleep(150)
    expect(accepted.bytesRead).toBeLessThan(8 << 20)
    expect(connected.writableLength).toBeGreaterThan(0)
    const hash = createHash('sha256')
    for await (const bytes of accepted) hash.update(bytes as Buffer)
    expect(hash.digest('hex')).toBe(createHash('sha256').update(content).digest('hex'))
    await new Promise<void>((resolve) => server.close(() => resolve()))
  })

  it('brings all to a reader who asks for more while it is being told', async () => {
    const { server, accepted, connected } = await pairOf(ours, nodeSide)
    const content = seededBytes(8 << 20, 8)
    const hash = createHash('sha256')
    accepted.on('data', (bytes: Buffer) => {
      hash.update(bytes)
      accepted.read(0)
    })
    connected.resume().end(content)
    await closed(accepted)
    expect(hash.digest('hex')).toBe(createHash('sha256').update(content).digest('hex'))
    await new Promise<void>((resolve) => server.close(() => resolve()))
  })

  it('has the addresses of both sides', async () => {
    const { server, accepted, connected } = await pairOf(ours, ours)
    expect(accepted.remoteAddress).toBe('127.0.0.1')
    expect(accepted.remotePort).toBe(connected.localPort)
    expect(connected.remotePort).toBe(portOf(server))
    expect([accepted.remoteFamily, connected.address()]).toEqual([
      'IPv4',
      { address: '127.0.0.1', family: 'IPv4', port: accepted.remotePort },
    ])
    accepted.destroy()
    connected.destroy()
    await new Promise<void>((resolve) => server.close(() => resolve()))
  })

  it('serves 200 connections at once, each its own echo', async () => {
    const server = ours.createServer({}, (socket) => {
      socket.on('error', () => undefined)
      socket.pipe(socket as never)
    })
    await listening(server, { port: 0, host: '127.0.0.1' })
    const ask = async (seed: number, side: Side): Promise<void> => {
      const socket = side.connect({ port: portOf(server), host: '127.0.0.1' })
      const content = seededBytes(1000 + seed * 37, seed)
      socket.end(content)
      const parts: Buffer[] = []
      for await (const bytes of socket) parts.push(bytes as Buffer)
      expect(Buffer.concat(parts).equals(content)).toBe(true)
    }
    await Promise.all(Array.from({ length: 200 }, (_, seed) => ask(seed, seed % 2 === 0 ? ours : nodeSide)))
    await new Promise<void>((resolve) => server.close(() => resolve()))
  })

  it.each([
    ['nobody listens', { port: 1, host: '127.0.0.1' }],
    ['no such socket file', { path: '/nonexistent/socket' }],
    ['no such name', { port: 80, host: 'nothing.invalid' }],
  ])('fails as node:net does: %s', async (_name, where) => {
    const fate = async (socket: AnySocket): Promise<unknown[]> => {
      const events = eventsOf(socket)
      const over = closed(socket)
      const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException & { address?: string; port?: number }]
      await over
      const { code, errno, syscall, address, port, message } = error
      return [events, code, errno, syscall, address, port, message]
    }
    expect(await fate(ours.connect(where))).toEqual(await fate(nodeSide.connect(where)))
  })
})
