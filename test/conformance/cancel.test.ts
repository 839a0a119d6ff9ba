// Cancelling: what is named is cancelled, nothing else is, the answer counts what was found, and every request ends once,
// cancelled or not.
import * as fs from 'node:fs'
import { expect, it } from 'vitest'
import { op } from '../../services/raw/index.ts'
import type { Operation, RawRing } from '../../services/raw/index.ts'
import { failure, fieldOf, seededBytes, seededRandom, settledWithin, testSeed } from '../services/harness.ts'
import { endedWell, runProgram } from './child.ts'
import { describeOnEveryRing, handleOf } from './every-ring.ts'
import type { Stand } from './every-ring.ts'

async function makePipe({ raw, own }: Stand): Promise<{ read: number; write: number }> {
  const pipe = await raw.submit(op.pipe())
  own(pipe.read)
  own(pipe.write)
  return pipe
}

/** The result of an operation, or the name of its error. */
const outcome = (raw: RawRing, operation: Operation<unknown>): Promise<unknown> =>
  raw.submit(operation).catch((error: unknown) => fieldOf(error, 'code'))

const poll = (fd: number): Operation => op.pollAdd({ fd, events: ['POLLIN'] })

describeOnEveryRing('cancel', (stand) => {
  it('io-cancel: cancelling some reads of a file harms none of the others', async () => {
    const { raw, path, own } = stand
    const content = seededBytes(128 * 1024, 5)
    const name = path()
    fs.writeFileSync(name, content)
    const fd = own(fs.openSync(name, 'r'))
    for (const async of [false, true]) {
      const buffers = Array.from({ length: 32 }, () => Buffer.alloc(4096))
      const reads = buffers.map((buffer, index) => op.read({ fd, buffer, position: index * 4096 }))
      const results = reads.map((read) => raw.submit(read, { async }).catch((error: unknown) => fieldOf(error, 'code')))
      const cancels = reads
        .filter((_, index) => index % 2 === 1)
        .map((operation) => outcome(raw, op.asyncCancel({ operation })))
      for (const [index, result] of (await Promise.all(results)).entries()) {
        if (index % 2 === 0 || result !== 'ECANCELED') {
          expect(result).toBe(4096)
          expect(buffers[index]!.equals(content.subarray(index * 4096, index * 4096 + 4096))).toBe(true)
        }
      }
      for (const answer of await Promise.all(cancels)) expect([0, 'ENOENT', 'EALREADY']).toContain(answer)
    }
  })

  it('poll-cancel: a poll is removed once', async () => {
    const { raw } = stand
    const { read } = await makePipe(stand)
    const operation = poll(read)
    const polling = settledWithin(raw.submit(operation), 20_000)
    expect(await raw.submit(op.pollRemove({ operation }))).toBe(0)
    expect(await polling).toBe('ECANCELED')
    expect(await outcome(raw, op.pollRemove({ operation }))).toBe('ENOENT')
  })

  it('poll-cancel: a process ends with a poll of its own ring, link timeout and counting timeout in flight', async () => {
    const script = `
      const rings = await Ringmaster.start(options)
      const [one, two] = [rings.raw(0), rings.raw(1)]
      one.submit(op.timeout({ timeMs: 10_000, count: 1000 })).catch(() => undefined)
      one.chain().link(op.pollAdd({ fd: two.ringFd, events: ['POLLIN'] })).link(op.linkTimeout({ timeMs: 10_000 })).submit()
        .catch(() => undefined)
      await two.submit(op.nop())
      process.exit(0)`
    expect(await runProgram(stand.kind, script)).toEqual(endedWell())
  })

  it('poll-cancel-all: by descriptor, as many as there are on it, and those on another stay', async () => {
    const { raw } = stand
    const [one, two] = [await makePipe(stand), await makePipe(stand)]
    const polls = Array.from({ length: 8 }, (_, index) =>
      settledWithin(raw.submit(poll(index % 2 === 0 ? one.read : two.read)), 20_000),
    )
    const half = (which: number): Promise<string>[] => polls.filter((_, index) => index % 2 === which)
    expect(await raw.submit(op.asyncCancel({ fd: one.read, all: true }))).toBe(4)
    expect(await Promise.all(half(0))).toEqual(Array(4).fill('ECANCELED'))
    for (const waiting of half(1)) expect(await settledWithin(waiting, 1)).toBe('pending')
    expect(await raw.submit(op.asyncCancel({ fd: two.read, all: true }))).toBe(4)
    expect(await Promise.all(half(1))).toEqual(Array(4).fill('ECANCELED'))
    expect(await raw.submit(op.asyncCancel({ fd: two.read, all: true }))).toBe(0)
  })

  it('poll-cancel-all: by direct descriptor, on it only and not on the descriptor of the process', async () => {
    const { raw } = stand
    const { read } = await makePipe(stand)
    const [fd] = await raw.submit(op.filesUpdate({ descriptors: [read], index: 'allocate' }))
    const direct = Array.from({ length: 8 }, () =>
      settledWithin(raw.submit(op.pollAdd({ fd: fd!, events: ['POLLIN'] })), 20_000),
    )
    expect(await raw.submit(op.asyncCancel({ fd: fd!, all: true }))).toBe(8)
    expect(await Promise.all(direct)).toEqual(Array(8).fill('ECANCELED'))
    await raw.submit(op.close({ fd: fd! }))
    expect(await failure(raw.submit(op.asyncCancel({ fd: fd!, all: true })))).toMatchObject({ code: 'EBADF' })
  })

  it('poll-cancel-all: everything, polls, reads on kernel threads and timeouts, and nothing more is to be found then', async () => {
    const { raw } = stand
    const { read } = await makePipe(stand)
    const requests = Array.from({ length: 4 }, () => [
      raw.submit(poll(read)),
      raw.submit(op.read({ fd: read, buffer: Buffer.alloc(8) })),
      raw.submit(op.timeout({ timeMs: 60_000 })),
    ]).flat()
    const ends = requests.map((request) => settledWithin(request, 20_000))
    expect(await raw.submit(op.asyncCancel({ any: true, all: true }))).toBe(12)
    expect(await Promise.all(ends)).toEqual(Array(12).fill('ECANCELED'))
    expect(await raw.submit(op.asyncCancel({ any: true, all: true }))).toBe(0)
    const blocked = settledWithin(raw.submit(op.read({ fd: read, buffer: Buffer.alloc(8) }), { async: true }), 20_000)
    // One that runs is only asked to stop: it is asked again until it has.
    let ended: string | null = null
    const asked = blocked.then((end) => (ended = end))
    while (ended === null) await raw.submit(op.asyncCancel({ fd: read, all: true }))
    expect(['ECANCELED', 'EINTR']).toContain(await asked)
  })

  it('cancel-race: a read that is cancelled while its byte comes either has it or has left it there', async () => {
    const { raw } = stand
    const { read, write } = await makePipe(stand)
    const random = seededRandom(testSeed(`cancel-race ${stand.kind.poller} ${stand.kind.memory}`))
    const tally = { taken: 0, cancelled: 0 }
    for (let round = 0; round < 400; round++) {
      const buffer = Buffer.alloc(1)
      const byte = 1 + Math.floor(random() * 255)
      const operation = op.read({ fd: read, buffer })
      const reading = outcome(raw, operation)
      if (random() < 0.3) await raw.submit(op.nop())
      const order = random()
      if (order < 0.5) fs.writeSync(write, Buffer.of(byte))
      const cancelling = outcome(raw, op.asyncCancel({ operation }))
      if (order >= 0.5) {
        if (order > 0.75) await Promise.resolve()
        fs.writeSync(write, Buffer.of(byte))
      }
      expect([0, 'ENOENT', 'EALREADY']).toContain(await cancelling)
      const result = await reading
      if (result === 1) {
        expect(buffer[0]).toBe(byte)
        tally.taken++
      } else {
        expect(['ECANCELED', 'EINTR']).toContain(result)
        expect(buffer[0]).toBe(0)
        expect(fs.readSync(read, buffer)).toBe(1)
        expect(buffer[0]).toBe(byte)
        tally.cancelled++
      }
    }
    expect(tally.taken + tally.cancelled).toBe(400)
    expect(handleOf(raw).client.inFlight).toBe(0)
  })

  it('cancel-race: polls and timeouts that are cancelled at once end once each', async () => {
    const { raw } = stand
    const { read } = await makePipe(stand)
    const { metrics } = handleOf(raw)
    const codes = [6, 11] // POLL_ADD, TIMEOUT
    const before = codes.map((code) => metrics.completions(code))
    for (let round = 0; round < 200; round++) {
      const operations = [poll(read), op.timeout({ timeMs: 0.01 })]
      const ends = operations.map((operation) => outcome(raw, operation))
      const answers = operations.map((operation) => outcome(raw, op.asyncCancel({ operation })))
      expect(await ends[0]).toBe('ECANCELED')
      expect(['elapsed', 'ECANCELED']).toContain(await ends[1])
      for (const answer of answers) expect([0, 'ENOENT', 'EALREADY']).toContain(await answer)
    }
    expect(codes.map((code) => metrics.completions(code))).toEqual(before.map((count) => count + 200))
  })

  it('cancel-fd-userdata: of several requests on one descriptor the one that is named, and only on that descriptor', async () => {
    const { raw } = stand
    const [one, two] = [await makePipe(stand), await makePipe(stand)]
    const polls = Array.from({ length: 4 }, () => poll(one.read))
    const ends = polls.map((operation) => settledWithin(raw.submit(operation), 20_000))
    expect(await outcome(raw, op.asyncCancel({ operation: polls[2]!, fd: two.read }))).toBe('ENOENT')
    expect(await outcome(raw, op.asyncCancel({ operation: polls[2]!, fd: one.read }))).toBe(0)
    expect(await ends[2]).toBe('ECANCELED')
    expect(await outcome(raw, op.asyncCancel({ operation: polls[2]!, fd: one.read }))).toBe('ENOENT')
    for (const index of [0, 1, 3]) expect(await settledWithin(ends[index]!, 1)).toBe('pending')
    expect(await outcome(raw, op.asyncCancel({ fd: one.read, all: true }))).toBe(3)
    expect(await Promise.all(ends)).toEqual(Array(4).fill('ECANCELED'))
  })
})

describeOnEveryRing(
  'cancel, many',
  (stand) => {
    it('poll-cancel-ton: thousands of polls of one pipe are removed in any order, some twice, and none is left', async () => {
      const { raw } = stand
      const { read } = await makePipe(stand)
      const random = seededRandom(testSeed(`poll-cancel-ton ${stand.kind.poller} ${stand.kind.memory}`))
      const polls = Array.from({ length: 3000 }, () => poll(read))
      const ends = polls.map((operation) => outcome(raw, operation))
      const picked = new Set<number>()
      const answers: { first: boolean; answer: Promise<unknown> }[] = []
      for (let count = 0; count < 3000; count++) {
        const index = Math.floor(random() * polls.length)
        answers.push({
          first: !picked.has(index),
          answer: outcome(raw, op.pollRemove({ operation: polls[index]! })),
        })
        picked.add(index)
      }
      for (const { first, answer } of answers) expect(await answer).toBe(first ? 0 : 'ENOENT')
      expect(await raw.submit(op.asyncCancel({ fd: read, all: true }))).toBe(3000 - picked.size)
      expect(new Set(await Promise.all(ends))).toEqual(new Set(['ECANCELED']))
      expect(handleOf(raw).client.inFlight).toBe(0)
    })
  },
  { sqEntries: 1024, cqEntries: 4096 },
)
