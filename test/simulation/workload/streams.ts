// Multishot streams: data in provided buffers, connections, readiness, ticks; consumers that are slow, stop early or abort.
import { acceptStream, pollStream, readStream, recvStream, timeoutStream } from '../../../services/raw/index.ts'
import type { BufferLease, MultishotStream, ProvidedBuffers, StreamOperation } from '../../../services/raw/index.ts'
import { fieldOf } from '../../services/harness.ts'
import { Violation } from '../memory.ts'
import { patternMismatch } from '../world.ts'
import { excused, perhapsAbort, require, withSignal } from './play.ts'
import type { Act, Play } from './play.ts'

/**
 * Takes items until the stream ends, the consumer has enough, or it is aborted or fails as it may. Returns whether it came to
 * its own end.
 */
async function consume<T>(
  play: Play,
  source: StreamOperation<T>,
  takeMax: number,
  use: (item: T) => Promise<void>,
): Promise<boolean> {
  const { random, raw } = play
  const signal = perhapsAbort(play, 4)
  let stream: MultishotStream<T> | undefined
  try {
    stream = raw.stream(source, { ...withSignal(signal), waitingMax: random.pick([1, 2, 64]) })
    for (let taken = 0; taken < takeMax; taken++) {
      if (random.chance(0.3)) await play.pause()
      const next = await stream.next()
      if (next.done === true) return true
      await use(next.value)
    }
  } catch (error) {
    const aborted = fieldOf(error, 'name') === 'AbortError'
    if (error instanceof Violation) throw error
    require((aborted && signal?.aborted === true) || excused(play, error), 'a stream failed', error)
  } finally {
    await stream?.return()
  }
  return false
}

/** What a peer sends arrives: all of it, in order, once; each piece untouched for as long as it is leased. */
const receive: Act = async (play) => {
  const { random, raw, world } = play
  const channel = world.channel()
  const fd = world.open(channel)
  let buffers: ProvidedBuffers
  const count = random.pick([1, 2, 8])
  try {
    buffers = raw.provideBuffers({ count, sizeBytes: random.pick([1, 16, 64]), incremental: random.chance(0.3) })
  } catch (error) {
    world.close(fd)
    require(play.ending(), 'buffers were refused', error)
    return
  }
  const peer = (async () => {
    for (let left = 1 + random.below(6); left > 0; left--) {
      await play.pause()
      channel.sent += random.below(80)
      world.happened(channel)
    }
    channel.ended = true
    world.happened(channel)
  })()
  let position = 0
  const held: { lease: BufferLease; position: number }[] = []
  const giveBack = (): void => {
    for (const { lease, position: at } of held.splice(0)) {
      require(play.ending() || patternMismatch(lease.bytes, channel.id, at) < 0, 'leased memory was written to')
      lease.release()
    }
  }
  const source = random.chance(0.5) ? recvStream({ fd, buffers }) : readStream({ fd, buffers })
  const ended = await consume(play, source, random.pick([3, 1000]), async (lease) => {
    require(patternMismatch(lease.bytes, channel.id, position) < 0, `bytes are missing or wrong at ${position}`)
    held.push({ lease, position })
    position += lease.bytes.length
    if (random.chance(0.3)) await play.pause()
    // Whoever keeps all buffers waits for ever.
    if (held.length >= count || random.chance(0.5)) giveBack()
  })
  await peer
  if (ended && !play.ending()) require(position === channel.sent, `of ${channel.sent} bytes arrived`, position)
  giveBack()
  if (!play.ending()) {
    require(buffers.available === count, `of ${count} provided buffers came back`, buffers.available)
    buffers.close()
  }
  world.close(fd)
}

/** Every connection is somebody's: the consumer's, or closed. */
const accept: Act = async (play) => {
  const { random, world } = play
  const listener = world.listener()
  const fd = world.open(listener)
  let consuming = true
  const peer = (async () => {
    while (consuming) {
      await play.pause()
      listener.pending += random.below(3)
      world.happened(listener)
    }
  })()
  await consume(play, acceptStream({ fd }), random.below(4), async (accepted) => {
    require(world.descriptors.get(accepted)?.thing.kind === 'channel', 'accepted what is no connection', accepted)
    world.close(accepted)
  })
  consuming = false
  await peer
  world.close(fd)
}

const poll: Act = async (play) => {
  const { random, world } = play
  const channel = world.channel()
  const fd = world.open(channel)
  let consuming = true
  const peer = (async () => {
    while (consuming) {
      await play.pause()
      channel.sent++
      world.happened(channel)
    }
  })()
  await consume(play, pollStream({ fd, events: 1 }), random.below(3), async (events) => {
    require(events === 1, 'poll saw other events', events)
  })
  consuming = false
  await peer
  world.close(fd)
}

/** Ticks are counted from one, and all come. */
const ticks: Act = async (play) => {
  const count = 1 + play.random.below(4)
  let seen = 0
  const ended = await consume(
    play,
    timeoutStream({ intervalMs: 1 + play.random.below(5), count }),
    1000,
    async (tick) => {
      require(tick === ++seen, `tick ${seen} says`, tick)
    },
  )
  if (ended) require(seen === count, `of ${count} ticks came`, seen)
}

export const streamActs: readonly Act[] = [receive, receive, accept, poll, ticks]
