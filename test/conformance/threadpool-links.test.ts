// Links, their limits and drains: the same with system calls on threads as in the kernel, which is the reference here.
import { mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { op } from '../../services/raw/index.ts'
import type { Operation } from '../../services/raw/index.ts'
import type { Stand } from './every-ring.ts'
import { describeOnEveryRing } from './every-ring.ts'

const nothing = (): Operation<number> => op.nop()
const failing = (): Operation<number> => op.nop({ result: -5 })
const statuses = (outcomes: readonly { readonly status: string }[]): string[] => outcomes.map(({ status }) => status)

async function pipeOf({ raw, own }: Stand): Promise<{ read: number; write: number }> {
  const { read, write } = await raw.submit(op.pipe())
  return { read: own(read), write: own(write) }
}

describeOnEveryRing(
  'links',
  (stand) => {
    it('link: a chain runs in its order', async () => {
      const { raw, path } = stand
      const folder = path()
      const outcomes = await raw
        .chain()
        .link(op.mkdirat({ path: folder }))
        .link(op.mkdirat({ path: `${folder}/a` }))
        .link(op.renameat({ oldPath: `${folder}/a`, newPath: `${folder}/b` }))
        .link(op.unlinkat({ path: `${folder}/b`, flags: ['AT_REMOVEDIR'] }))
        .link(op.unlinkat({ path: folder, flags: ['AT_REMOVEDIR'] }))
        .submit()
      expect(statuses(outcomes)).toEqual(['done', 'done', 'done', 'done', 'done'])
    })

    it('link: the head fails, and everything after it is cancelled', async () => {
      const outcomes = await stand.raw
        .chain()
        .link(failing())
        .link(nothing())
        .hardlink(nothing())
        .link(nothing())
        .submit()
      expect(statuses(outcomes)).toEqual(['failed', 'cancelled', 'cancelled', 'cancelled'])
    })

    it('link: a hard link goes on after a failure, and a soft one after it does not', async () => {
      const outcomes = await stand.raw.chain().hardlink(failing()).link(failing()).link(nothing()).submit()
      expect(statuses(outcomes)).toEqual(['failed', 'failed', 'cancelled'])
    })

    it('link: a short read cuts a soft link and not a hard one', async () => {
      const { raw, path, own } = stand
      const file = path()
      writeFileSync(file, 'four')
      const fd = own(openSync(file, 'r'))
      const read = (): Operation<number> => op.read({ fd, buffer: Buffer.alloc(10), position: 0 })
      expect(statuses(await raw.chain().link(read()).link(nothing()).submit())).toEqual(['short', 'cancelled'])
      expect(statuses(await raw.chain().hardlink(read()).link(nothing()).submit())).toEqual(['short', 'done'])
    })

    it('link: thirty-two chains at once stay apart', async () => {
      const { raw } = stand
      const chains = Array.from({ length: 32 }, (_, index) =>
        raw
          .chain()
          .link(nothing())
          .link(index % 2 === 0 ? nothing() : failing())
          .link(nothing())
          .submit(),
      )
      const outcomes = (await Promise.all(chains)).map(statuses)
      const expected = [
        ['done', 'done', 'done'],
        ['done', 'failed', 'cancelled'],
      ]
      expect(outcomes).toEqual(outcomes.map((_, index) => expected[index % 2]))
    })

    it('open-direct-link: open, write, close on a direct descriptor that the chain itself opens', async () => {
      const { raw, path } = stand
      const file = path()
      const outcomes = await raw
        .chain()
        .link(op.openat({ path: file, flags: 'w', direct: 3 }))
        .hardlink(op.write({ fd: { direct: 3 }, buffer: Buffer.from('by a chain') }))
        .link(op.close({ fd: { direct: 3 } }))
        .submit()
      expect(statuses(outcomes)).toEqual(['done', 'done', 'done'])
      expect(readFileSync(file, 'utf8')).toBe('by a chain')
    })

    it('fixed-reuse: a slot that is opened again gives the new file, though the old one was not closed', async () => {
      const { raw, path } = stand
      const read = async (text: string): Promise<string> => {
        const file = path()
        writeFileSync(file, text)
        const buffer = Buffer.alloc(10)
        const outcomes = await raw
          .chain()
          .link(op.openat({ path: file, direct: 4 }))
          .hardlink(op.read({ fd: { direct: 4 }, buffer, position: 0 }))
          .submit()
        expect(statuses(outcomes)).toEqual(['done', 'short'])
        return buffer.toString('utf8').replaceAll('\0', '')
      }
      expect([await read('first'), await read('second')]).toEqual(['first', 'second'])
      await raw.submit(op.close({ fd: { direct: 4 } }))
    })

    it('link-timeout: what takes too long is cancelled, and so is what is linked to it', async () => {
      const { raw } = stand
      const { read } = await pipeOf(stand)
      const outcomes = await raw
        .chain()
        .link(op.read({ fd: read, buffer: Buffer.alloc(1) }))
        .timeout(10)
        .link(nothing())
        .submit()
      expect(statuses(outcomes)).toEqual(['timed-out', 'cancelled'])
    })

    it('link-timeout: what is done in time goes on, and the limit is gone', async () => {
      const { raw } = stand
      const { read, write } = await pipeOf(stand)
      const running = raw
        .chain()
        .link(op.read({ fd: read, buffer: Buffer.alloc(1) }))
        .timeout(60_000)
        .link(op.write({ fd: write, buffer: Buffer.from('y') }))
        .submit()
      await raw.submit(op.write({ fd: write, buffer: Buffer.from('x') }))
      expect(statuses(await running)).toEqual(['done', 'done'])
    })

    it('accept-link: a limit ends an accept that nobody connects to', async () => {
      const { raw, own } = stand
      const fd = own(await raw.submit(op.socket({ family: 'AF_INET', type: 'SOCK_STREAM' })))
      await raw.submit(op.bind({ fd, address: { address: '127.0.0.1', port: 0 } }))
      await raw.submit(op.listen({ fd }))
      expect(statuses(await raw.chain().link(op.accept({ fd })).timeout(10).submit())).toEqual(['timed-out'])
    })

    it('poll-link: a poll lets its chain wait', async () => {
      const { raw } = stand
      const { read, write } = await pipeOf(stand)
      const buffer = Buffer.alloc(5)
      const running = raw
        .chain()
        .link(op.pollAdd({ fd: read, events: ['POLLIN'] }))
        .link(op.read({ fd: read, buffer }))
        .submit()
      await raw.submit(op.write({ fd: write, buffer: Buffer.from('hello') }))
      expect(statuses(await running)).toEqual(['done', 'done'])
      expect(buffer.toString()).toBe('hello')
    })

    it('link_drain: begins when everything before it is over, and nothing after it begins before it is', async () => {
      const { raw, path } = stand
      const folder = path()
      mkdirSync(folder)
      const order: string[] = []
      const note =
        (what: string): ((value: unknown) => void) =>
        () =>
          void order.push(what)
      await Promise.all([
        raw.submit(op.timeout({ timeMs: 20 })).then(note('before'), note('before')),
        raw.submit(op.nop(), { drain: true }).then(note('drain')),
        raw.submit(op.nop()).then(note('after')),
      ])
      expect(order).toEqual(['before', 'drain', 'after'])
    })
  },
  {},
  () => true,
)
