// A read against its cancellation, by signal and by operation: never both, never neither. The pipe is the witness: a byte
// that was written is read or still there.
import { execFileSync } from 'node:child_process'
import { constants, openSync, readSync, writeSync } from 'node:fs'
import { expect, it } from 'vitest'
import { op } from '../../services/raw/index.ts'
import { describeOnEveryRing, handleOf } from '../conformance/every-ring.ts'
import type { Stand } from '../conformance/every-ring.ts'
import { eventually, settledWithin } from '../services/harness.ts'
import { moment, raceRandom, rounds } from './races.ts'

interface Pipe {
  readonly fd: number
  /** What is in it now; null for nothing. */
  readonly left: () => number | null
}

function openPipe({ path, own }: Stand): Pipe {
  const name = path()
  execFileSync('mkfifo', [name])
  const fd = own(openSync(name, constants.O_RDWR))
  const looking = own(openSync(name, constants.O_RDONLY | constants.O_NONBLOCK))
  const byte = Buffer.alloc(1)
  const left = (): number | null => {
    try {
      return readSync(looking, byte) === 1 ? byte[0]! : null
    } catch {
      return null // EAGAIN
    }
  }
  return { fd, left }
}

describeOnEveryRing('races: cancellation', (stand) => {
  it('cancel-race: an aborted read has its byte, or the pipe still has it', async () => {
    const { raw } = stand
    const random = raceRandom('abort against completion')
    const { fd, left } = openPipe(stand)
    const buffer = Buffer.alloc(1)
    for (let round = 0; round < rounds(60); round++) {
      const byte = round & 0xff
      buffer[0] = ~byte
      const controller = new AbortController()
      const read = settledWithin(raw.submit(op.read({ fd, buffer }), { signal: controller.signal }))
      const write = (): void => {
        writeSync(fd, Uint8Array.of(byte))
      }
      const abort = (): void => {
        controller.abort()
      }
      const [first, second] = random.chance(0.5) ? [write, abort] : [abort, write]
      await moment(random)
      first()
      await moment(random)
      second()
      const outcome = await read
      expect(['resolved', 'ABORT_ERR']).toContain(outcome)
      const came = outcome === 'resolved' ? buffer[0] : left()
      expect({ round, outcome, came }).toEqual({ round, outcome, came: byte })
      expect(left()).toBe(null)
    }
  })

  it('cancel-race: of a read and its async_cancel exactly one has its way', async () => {
    const { raw } = stand
    const random = raceRandom('async_cancel against completion')
    const { fd, left } = openPipe(stand)
    const buffer = Buffer.alloc(1)
    for (let round = 0; round < rounds(60); round++) {
      const byte = round & 0xff
      buffer[0] = ~byte
      const target = op.read({ fd, buffer })
      const read = settledWithin(raw.submit(target))
      await moment(random)
      if (random.chance(0.5)) writeSync(fd, Uint8Array.of(byte))
      const cancelled = raw.submit(op.asyncCancel(random.chance(0.5) ? { operation: target } : { fd, all: true }))
      const answer = await settledWithin(cancelled)
      expect(['resolved', 'ENOENT', 'EALREADY']).toContain(answer)
      // Whoever was not cancelled is still waiting, or has what was written.
      writeSync(fd, Uint8Array.of(byte))
      const outcome = await read
      expect(['resolved', 'ECANCELED', 'EINTR']).toContain(outcome)
      if (outcome === 'resolved') expect(buffer[0]).toBe(byte)
      for (let more = left(); more !== null; more = left()) expect(more).toBe(byte)
    }
  })

  it('cancel-race: cancelling everything ends everything, and each once', async () => {
    const { raw } = stand
    const random = raceRandom('cancel all against completion')
    const pipes = Array.from({ length: 4 }, () => openPipe(stand))
    for (let round = 0; round < rounds(10); round++) {
      const reads = pipes.map(({ fd }) => settledWithin(raw.submit(op.read({ fd, buffer: Buffer.alloc(1) }))))
      const ticks = settledWithin(raw.submit(op.timeout({ timeMs: random.below(3) })))
      await moment(random)
      const lucky = random.pick(pipes)
      writeSync(lucky.fd, 'x')
      // Those that are on their way from one place to another are missed: as the manual says, ask again.
      let over = false
      const all = Promise.all([...reads, ticks]).finally(() => {
        over = true
      })
      while (!over) {
        await raw.submit(op.asyncCancel({ any: true, all: true })).catch(() => undefined)
        await moment(random)
      }
      const outcomes = await all
      for (const outcome of outcomes) expect(['resolved', 'ECANCELED', 'EINTR']).toContain(outcome)
      const cameHere = outcomes.slice(0, pipes.length).filter((outcome) => outcome === 'resolved').length
      const still = pipes.map(({ left }) => left()).filter((byte) => byte !== null).length
      expect(cameHere + still).toBe(1)
    }
    expect(await eventually(() => !handleOf(raw).client.busy)).toBe(true)
  })
})
