// Conformance, row LINK: chains on direct descriptors and in registered memory. What liburing's open-direct-link, fixed-reuse and
// fixed-link check.
import { closeSync, fstatSync, openSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { leasedDescriptors } from '../../native/layout.ts'
import { allocateSharedMemory } from '../../native/shared-memory.ts'
import { op } from '../../services/raw/index.ts'
import type { DirectSlot, RawRing } from '../../services/raw/index.ts'
import { eventually, seededBytes } from '../services/harness.ts'
import { describeChains } from './link-cases.ts'

const content = seededBytes(3000, 5)

/** What node:fs and the kernel say about who has a file open. */
const openPaths = (): string[] => readdirSync('/proc/self/fd')

function readWhole(raw: RawRing, slot: DirectSlot, path: string, buffer: Buffer) {
  return raw
    .chain()
    .link(op.openat({ path, direct: slot }))
    .hardlink(op.read({ fd: slot, buffer }))
    .link(op.close({ fd: slot }))
    .submit()
}

describeChains('LINK, direct', (stand) => {
  it('open-direct-link: opens, reads and closes without a descriptor of the process', async () => {
    const { raw, path } = stand
    const file = path()
    writeFileSync(file, content)
    const before = openPaths().length
    const slot = raw.directSlots.lease()
    const buffer = Buffer.alloc(content.length)
    const outcomes = await readWhole(raw, slot, file, buffer)
    expect(outcomes).toEqual([
      { status: 'done', value: slot },
      { status: 'done', value: content.length },
      { status: 'done', value: 0 },
    ])
    expect(buffer.equals(content)).toBe(true)
    expect(openPaths()).toHaveLength(before)
    await expect(raw.submit(op.read({ fd: slot, buffer }))).rejects.toMatchObject({ code: 'EBADF' })
    slot.release()
  })

  it('open-direct-link: a file that is not there: the read is cancelled, and so is the close that hangs on it', async () => {
    const { raw, path } = stand
    const slot = raw.directSlots.lease()
    const outcomes = await readWhole(raw, slot, path(), Buffer.alloc(1))
    expect(outcomes).toMatchObject([{ status: 'failed', error: { code: 'ENOENT' } }, { status: 'cancelled' }, {}])
    expect(outcomes[2].status).not.toBe('done')
    slot.release()
  })

  it('open-direct-link: a short read is no reason not to close', async () => {
    const { raw, path } = stand
    const file = path()
    writeFileSync(file, 'short')
    const slot = raw.directSlots.lease()
    const outcomes = await readWhole(raw, slot, file, Buffer.alloc(100))
    expect(outcomes).toMatchObject([{ status: 'done' }, { status: 'short', value: 5 }, { status: 'done' }])
    slot.release()
  })

  it('fixed-reuse: opening into a slot that is in use replaces the file, for the steps behind it too', async () => {
    const { raw, path } = stand
    const [first, second] = [path(), path()]
    writeFileSync(first, 'the first')
    writeFileSync(second, 'the other')
    const slot = raw.directSlots.lease()
    await raw.submit(op.openat({ path: first, direct: slot }))
    const buffer = Buffer.alloc(9)
    expect(await raw.submit(op.read({ fd: slot, buffer }))).toBe(9)
    expect(buffer.toString()).toBe('the first')
    const outcomes = await readWhole(raw, slot, second, buffer)
    expect(outcomes.map(({ status }) => status)).toEqual(['done', 'done', 'done'])
    expect(buffer.toString()).toBe('the other')
    slot.release()
  })

  it('fixed-reuse: slots are leased once, given back once, and empty then', async () => {
    const { raw, path, other } = stand
    const file = path()
    writeFileSync(file, content)
    const all = Array.from({ length: leasedDescriptors }, () => raw.directSlots.lease())
    expect(new Set(all.map(({ direct }) => direct)).size).toBe(leasedDescriptors)
    expect(() => raw.directSlots.lease()).toThrow(expect.objectContaining({ code: 'ERR_RING_SLOTS_EXHAUSTED' }))
    expect(other.directSlots.available).toBe(leasedDescriptors)
    await Promise.all(all.map((direct) => raw.submit(op.openat({ path: file, direct }))))
    // What the kernel allocates is none of them.
    const allocated = await raw.submit(op.openat({ path: file, direct: 'allocate' }))
    expect(all.some(({ direct }) => direct === allocated.direct)).toBe(false)
    await raw.submit(op.close({ fd: allocated }))
    const [slot] = all
    const { direct } = slot!
    for (const leased of all) leased.release()
    expect(raw.directSlots.available).toBe(leasedDescriptors)
    expect(() => slot!.release()).toThrow(expect.objectContaining({ code: 'ERR_RING_SLOT_RELEASED' }))
    expect(() => op.read({ fd: slot!, buffer: Buffer.alloc(1) })).toThrow(
      expect.objectContaining({ code: 'ERR_RING_SLOT_RELEASED' }),
    )
    slot![Symbol.dispose]()
    expect(raw.directSlots.available).toBe(leasedDescriptors)
    const gone = op.read({ fd: { direct }, buffer: Buffer.alloc(1) })
    await expect(raw.submit(gone)).rejects.toMatchObject({ code: 'EBADF' })
  })

  it('fixed-link: a chain of reads into registered memory, each into its own part', async () => {
    const { raw, path, own } = stand
    const memory = Buffer.from(allocateSharedMemory(65536))
    if (stand.kind.poller === 'threadpool') {
      expect(() => raw.buffers.update(0, memory)).toThrow("registered buffers are the kernel's")
      return
    }
    raw.buffers.update(0, memory)
    try {
      const file = path()
      writeFileSync(file, content)
      const fd = own(openSync(file, 'r'))
      const part = (index: number) =>
        op.readFixed({ fd, buffer: memory, offset: index * 4096, length: 1000, bufferIndex: 0, position: index * 1000 })
      const outcomes = await raw.chain().link(part(0)).link(part(1)).link(part(2)).submit()
      expect(outcomes).toEqual([0, 1, 2].map(() => ({ status: 'done', value: 1000 })))
      const parts = [0, 1, 2].map((index) => memory.subarray(index * 4096, index * 4096 + 1000))
      expect(Buffer.concat(parts).equals(readFileSync(file))).toBe(true)
    } finally {
      raw.buffers.update(0, null)
    }
  })

  it('fixed-link: a direct descriptor lives on in what is made of it, and the slot can go', async () => {
    const { raw, path } = stand
    const file = path()
    writeFileSync(file, content)
    const slot = raw.directSlots.lease()
    const [opened, installed] = await raw
      .chain()
      .link(op.openat({ path: file, direct: slot }))
      .link(op.fixedFdInstall({ fd: slot }))
      .submit()
    expect(opened.status).toBe('done')
    slot.release()
    if (installed.status !== 'done') throw installed.status === 'short' ? new Error('short') : installed.error
    expect(fstatSync(installed.value).size).toBe(content.length)
    closeSync(installed.value)
    expect(await eventually(() => raw.directSlots.available === leasedDescriptors)).toBe(true)
  })
})
