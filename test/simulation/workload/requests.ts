// Single requests: no-ops with results of their own, batches, reads, writes, waits, timeouts, cancellations, zero-copy sends.
import { op } from '../../../services/raw/index.ts'
import { submitNops } from '../../../services/batch.ts'
import { fieldOf } from '../../services/harness.ts'
import { Violation } from '../memory.ts'
import { Errno, nameOf } from '../model.ts'
import { patternMismatch, putPattern } from '../world.ts'
import {
  checkAgainstLedger,
  excused,
  kernelResult,
  outcomeOf,
  perhapsAbort,
  require,
  requireReturned,
  withSignal,
} from './play.ts'
import type { Act } from './play.ts'

// Far from everything else that a request may end with.
const firstResult = 1_000_000

const { ECANCELED, EINTR, ENOENT } = Errno

/** Each with a result that nobody else has: a mix-up shows. */
const nops: Act = async (play) => {
  const { random, raw } = play
  await Promise.all(
    Array.from({ length: 1 + random.below(6) }, async () => {
      const result = random.chance(0.2) ? -5 : firstResult + play.count()
      const operation = op.nop({ result })
      const signal = perhapsAbort(play, 4)
      const submission = raw.submit(operation, { ...withSignal(signal), async: random.chance(0.1) })
      const outcome = await outcomeOf(submission)
      checkAgainstLedger(play, operation.ticket, outcome, signal)
      if ('value' in outcome) require(outcome.value === result, `a no-op of ${result} ended with`, outcome.value)
    }),
  )
}

/** More than there is room for. */
const burst: Act = async (play) => {
  const outcome = await outcomeOf(submitNops(play.handle.client, 1 + play.random.below(100)))
  if ('error' in outcome && !excused(play, outcome.error)) throw outcome.error
}

const drain: Act = async (play) => {
  const operation = op.nop({ result: firstResult + play.count() })
  const submitted = outcomeOf(play.raw.submit(operation, { drain: true }))
  play.barriers.add(nameOf(operation.ticket))
  const outcome = await submitted
  checkAgainstLedger(play, operation.ticket, outcome)
}

const readFromFile: Act = async (play) => {
  const { random, raw, world } = play
  const file = world.file(random.pick([0, 1, 100, 5000]))
  const fd = world.open(file)
  const buffer = Buffer.alloc(1 + random.below(2000))
  const position = random.below(file.sizeBytes + 10)
  const operation = op.read({ fd, buffer, position })
  const signal = perhapsAbort(play, 4)
  const outcome = await outcomeOf(raw.submit(operation, withSignal(signal)))
  const bytes = checkAgainstLedger(play, operation.ticket, outcome, signal)
  requireReturned(play, buffer)
  if (bytes !== null && bytes > 0)
    require(patternMismatch(buffer.subarray(0, bytes), file.id, position) < 0, 'a read brought the wrong bytes')
  world.close(fd)
}

const writeToFile: Act = async (play) => {
  const { random, raw, world } = play
  const file = world.file(0)
  const fd = world.open(file)
  const buffer = Buffer.alloc(1 + random.below(2000))
  const position = random.below(1e6)
  putPattern(buffer, file.id, position)
  const operation = op.write({ fd, buffer, position })
  const outcome = await outcomeOf(raw.submit(operation))
  buffer.fill(0) // ours again
  const bytes = checkAgainstLedger(play, operation.ticket, outcome)
  if (bytes !== null && bytes > 0)
    require(patternMismatch(file.written.get(position) ?? Buffer.alloc(1), file.id, position) <
      0, 'a write wrote other bytes')
  const sync = op.fsync({ fd })
  checkAgainstLedger(play, sync.ticket, await outcomeOf(raw.submit(sync)))
  world.close(fd)
}

/** Waits for data that comes, for an end, or for its own cancellation. */
const readFromChannel: Act = async (play) => {
  const { random, raw, world } = play
  const channel = world.channel()
  const fd = world.open(channel)
  const buffer = Buffer.alloc(1 + random.below(300))
  const operation = random.chance(0.5) ? op.recv({ fd, buffer }) : op.read({ fd, buffer })
  const signal = perhapsAbort(play, 2)
  const peer = play.pause().then(() => {
    if (random.chance(0.8)) channel.sent += 1 + random.below(400)
    else channel.ended = true
    world.happened(channel)
  })
  const outcome = await outcomeOf(raw.submit(operation, withSignal(signal)))
  requireReturned(play, buffer)
  const bytes = checkAgainstLedger(play, operation.ticket, outcome, signal)
  if (bytes !== null && bytes > 0)
    require(patternMismatch(buffer.subarray(0, bytes), channel.id, 0) < 0, 'a receive brought the wrong bytes')
  await peer
  world.close(fd)
}

/** A timeout, and at times somebody who removes it. */
const timeout: Act = async (play) => {
  const { random, raw } = play
  const operation = op.timeout({ timeMs: random.below(50), count: random.pick([0, 0, 3]) })
  const signal = perhapsAbort(play, 3)
  const ended = outcomeOf(raw.submit(operation, withSignal(signal)))
  if (random.chance(0.3)) {
    await play.pause()
    const removal = op.timeoutRemove({ operation })
    checkAgainstLedger(play, removal.ticket, await outcomeOf(raw.submit(removal)))
  }
  checkAgainstLedger(play, operation.ticket, await ended, signal)
}

/**
 * Cancellation by name: the target and the cancellation each end once, and agree. What waits for a place in the ring the client
 * cancels itself: then the kernel has never heard of it, and at times not of the cancellation either.
 */
const cancel: Act = async (play) => {
  const { random, raw, world } = play
  const channel = world.channel()
  const fd = world.open(channel)
  const target = op.recv({ fd, buffer: Buffer.alloc(16) })
  const received = outcomeOf(raw.submit(target))
  await play.pause()
  // Come what may: where all places in the ring are taken, the cancellation itself waits for one.
  const peer = play.pause().then(() => {
    channel.ended = true
    world.happened(channel)
  })
  const cancellation = op.asyncCancel(random.chance(0.5) ? { operation: target } : { fd, all: true })
  const cancelled = await outcomeOf(raw.submit(cancellation))
  await peer
  const outcome = await received
  const inRing = kernelResult(play, cancellation.ticket)
  const toldOfMore = 'value' in cancelled && (inRing === undefined || inRing === ENOENT || cancelled.value > inRing)
  if (toldOfMore) {
    require(kernelResult(play, target.ticket) === undefined, 'a request was cancelled as it waited, and carried out')
    const withdrawn = 'error' in outcome && fieldOf(outcome.error, 'errno') === ECANCELED
    require(withdrawn ||
      ('error' in outcome && excused(play, outcome.error)), 'a cancellation was told of what nobody cancelled', outcome)
  } else {
    const found = checkAgainstLedger(play, cancellation.ticket, cancelled)
    const result = checkAgainstLedger(play, target.ticket, outcome)
    if (found !== null && found > 0 && result !== null)
      require(result === ECANCELED ||
        result === EINTR, 'a request went on although its cancellation was told that it ended', result)
  }
  world.close(fd)
}

/** The buffer is scribbled over as soon as the promise has settled: what arrived must be what was there before. */
const sendWithoutCopy: Act = async (play) => {
  const { random, raw, world } = play
  const channel = world.channel()
  const fd = world.open(channel)
  const buffer = Buffer.alloc(1 + random.below(500))
  putPattern(buffer, channel.id, 0)
  const operation = op.sendZc({ fd, buffer })
  const outcome = await outcomeOf(raw.submit(operation))
  buffer.fill(0xee)
  const bytes = checkAgainstLedger(play, operation.ticket, outcome)
  if ('value' in outcome && bytes !== null) {
    require(outcome.value.bytes === bytes, 'a zero-copy send counted other bytes', outcome.value)
    const [arrived] = channel.outgoing
    if (arrived === undefined) throw new Violation('a zero-copy send settled before its notification')
    require(arrived.length === bytes &&
      patternMismatch(arrived, channel.id, 0) < 0, 'a zero-copy send sent other bytes')
  }
  world.close(fd)
}

/** What ends without being cancelled. */
export const requestActs: readonly Act[] = [
  nops,
  nops,
  burst,
  readFromFile,
  writeToFile,
  readFromChannel,
  timeout,
  sendWithoutCopy,
]
/** A barrier for the whole ring, cancellations too: not together with what only a cancellation ends. */
export const drainActs: readonly Act[] = [drain]
export const cancelActs: readonly Act[] = [cancel]
