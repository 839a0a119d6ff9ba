// A ring's table of registered buffers: what each entry holds, and when the kernel has let go of it. One per ring handle; used by
// arenas and by `ringmaster/raw`. The ring worker registers the table, empty, when it opens the ring; entries are changed from
// the client's thread, one system call each, which takes the ring's lock: for setting up, not for every request.
import { CloneBuffers, RegisterOp, RsrcUpdate2, cloneReplace } from '../native/abi.ts'
import { addressOfView } from '../native/addresses.ts'
import { binding } from '../native/binding.ts'
import { LossResult } from './completions.ts'
import { Poller } from './poller-kind.ts'
import type { RingClient } from './ring-client.ts'
import { ClientState } from './submission.ts'
import type { Completion, SlotTable } from './slots.ts'

/** struct iovec on 64-bit. */
const iovecBytes = 16
const EBADF = -9

interface Entry {
  /** Kept while it is registered. The requests that use it keep it themselves. */
  readonly buffer: ArrayBufferView
  /** The slot whose user_data is the tag; -1: nobody wants to know. */
  readonly tag: number
}

function putU64(view: DataView, at: number, value: number): void {
  view.setUint32(at, value >>> 0, true)
  view.setUint32(at + 4, Math.floor(value / 4294967296), true)
}

// The tag's CQE is the promise's: whatever becomes of the ring, it settles.
const settleReleased: Completion = {
  complete(slots: SlotTable, slot: number, result: number) {
    const settle = slots.context[slot] as ((result: number) => void) | null
    settle?.(result)
  },
}

export class BufferTable {
  /** Entries; 0 where there is no table. */
  readonly size: number
  /** Why there is none, where there is none. */
  readonly absence: string
  private readonly client: RingClient
  private readonly ringFd: number
  private readonly entries: (Entry | null)[]

  constructor(client: RingClient, ringFd: number, size: number) {
    this.client = client
    this.ringFd = ringFd
    this.size = size
    this.absence =
      client.poller === Poller.threadpool
        ? "registered buffers are the kernel's, and a ring with the poller 'threadpool' is not"
        : 'this kernel has no sparse tables of registered buffers: they came with Linux 5.19'
    this.entries = new Array<Entry | null>(size).fill(null)
  }

  // Once the ring is closed its descriptor may be another file's.
  private get open(): boolean {
    return this.client.state === ClientState.open
  }

  /** The buffer of an entry, or null. */
  at(index: number): ArrayBufferView | null {
    return this.entries[index]?.buffer ?? null
  }

  /**
   * Registers `buffer` as entry `index`, in place of what was there. `released` is called with 0 when the entry has been
   * replaced and no request uses it any more, or with a LossResult. Returns 0 or -errno; then nothing has changed.
   * @throws ERR_RING_CLOSED, ERR_RING_LOST, ERR_RING_BACKLOG_FULL
   */
  put(index: number, buffer: ArrayBufferView, released: ((result: number) => void) | null): number {
    const { client } = this
    const tag = released === null ? -1 : client.claimTag(settleReleased, buffer)
    if (released !== null) client.slots.context[tag] = released
    const result = this.update(index, addressOfView(buffer), buffer.byteLength, tag)
    if (result >= 0) {
      this.forget(index)
      this.entries[index] = { buffer, tag }
      return 0
    }
    if (tag >= 0) {
      client.slots.context[tag] = null // it was never registered: there is nothing to tell
      client.dropTag(tag, result)
    }
    return result
  }

  /** Empties an entry. Returns 0 or -errno. */
  empty(index: number): number {
    if (this.entries[index] === null) return 0
    const result = this.update(index, 0, 0, -1)
    if (result >= 0) this.forget(index)
    return Math.min(0, result)
  }

  /**
   * Takes `count` entries of another ring's table over, from `fromIndex` there to `index` here, without their tags: the same
   * registration, locked once. Entries that are empty there become empty here. Returns 0 or -errno (6.13; before: -EINVAL).
   */
  clone(source: BufferTable, fromIndex: number, index: number, count: number): number {
    if (!this.open || !source.open) return EBADF
    const argument = new DataView(new ArrayBuffer(CloneBuffers.sizeBytes))
    argument.setInt32(CloneBuffers.src_fd, source.ringFd, true)
    argument.setUint32(CloneBuffers.flags, cloneReplace, true)
    argument.setUint32(CloneBuffers.src_off, fromIndex, true)
    argument.setUint32(CloneBuffers.dst_off, index, true)
    argument.setUint32(CloneBuffers.nr, count, true)
    const taken = source.entries.slice(fromIndex, fromIndex + count)
    const result = binding().register(this.ringFd, RegisterOp.REGISTER_CLONE_BUFFERS, argument, 1)
    if (result < 0) return result
    taken.forEach((entry, offset) => {
      this.forget(index + offset)
      this.entries[index + offset] = entry === null ? null : { buffer: entry.buffer, tag: -1 }
    })
    return 0
  }

  /** Empties every entry: the ring closes. A tag that the kernel will not give back is settled. */
  clear(): void {
    if (!this.open) return
    for (let index = 0; index < this.size; index++) {
      if (this.empty(index) >= 0) continue
      const entry = this.entries[index]
      if (entry !== null && entry !== undefined && entry.tag >= 0) this.client.dropTag(entry.tag, LossResult.closed)
      this.entries[index] = null
    }
  }

  private update(index: number, address: number, sizeBytes: number, tag: number): number {
    if (!this.open) return EBADF
    const iovec = new DataView(new ArrayBuffer(iovecBytes))
    putU64(iovec, 0, address)
    putU64(iovec, 8, sizeBytes)
    const argument = new DataView(new ArrayBuffer(RsrcUpdate2.sizeBytes))
    argument.setUint32(RsrcUpdate2.offset, index, true)
    argument.setUint32(RsrcUpdate2.nr, 1, true)
    putU64(argument, RsrcUpdate2.data, addressOfView(iovec))
    const tags = new Int32Array(2)
    if (tag >= 0) {
      tags.set([tag, this.client.slots.generation[tag]!])
      putU64(argument, RsrcUpdate2.tags, addressOfView(tags))
    }
    return binding().register(this.ringFd, RegisterOp.REGISTER_BUFFERS_UPDATE, argument, RsrcUpdate2.sizeBytes)
  }

  // What was at `index` is the kernel's until the requests that use it are over: then its tag comes.
  private forget(index: number): void {
    const entry = this.entries[index]
    if (entry === null || entry === undefined) return
    this.entries[index] = null
    if (entry.tag >= 0) this.client.expectTag()
  }
}
