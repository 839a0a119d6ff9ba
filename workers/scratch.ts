// Small memory of a slot that the kernel reads or writes: its path, its struct statx or open_how. Lies in the pool's shared
// memory, so its address is known without a call and it stays put until the CQE. Used by services when they fill an SQE.
import { addressOfView } from '../native/addresses.ts'
import { OpenHow } from '../native/abi.ts'
import { Scratch as Layout } from '../native/layout.ts'
import type { SlotTable } from './slots.ts'

export class Scratch {
  private readonly bytes: Buffer
  private readonly view: DataView
  private readonly address: number

  /** `slots` areas from `offsetBytes` of the shared memory. */
  constructor(memory: SharedArrayBuffer, offsetBytes: number, slots: number) {
    this.bytes = Buffer.from(memory, offsetBytes, slots * Layout.sizeBytes)
    this.view = new DataView(memory, offsetBytes, slots * Layout.sizeBytes)
    this.address = addressOfView(this.bytes)
  }

  /** Puts a path and its NUL where the kernel finds it; returns the address. A long one gets a buffer that the slot owns. */
  path(slots: SlotTable, slot: number, path: string | Buffer): number {
    const at = slot * Layout.sizeBytes + Layout.path
    if (typeof path === 'string') {
      if (path.length * 3 > Layout.pathBytesMax) return this.longPath(slots, slot, Buffer.from(path))
      this.bytes[at + this.bytes.write(path, at, Layout.pathBytesMax, 'utf8')] = 0
      return this.address + at
    }
    if (path.length > Layout.pathBytesMax) return this.longPath(slots, slot, path)
    path.copy(this.bytes, at)
    this.bytes[at + path.length] = 0
    return this.address + at
  }

  private longPath(slots: SlotTable, slot: number, path: Buffer): number {
    const owned = Buffer.allocUnsafe(path.length + 1)
    path.copy(owned)
    owned[path.length] = 0
    slots.owner[slot] = owned
    return addressOfView(owned)
  }

  /** Address of the slot's struct area (256 bytes). */
  structAddress(slot: number): number {
    return this.address + slot * Layout.sizeBytes + Layout.struct
  }

  /** Offset in `structs` of the slot's struct area. */
  structAt(slot: number): number {
    return slot * Layout.sizeBytes + Layout.struct
  }

  /** The struct areas of all slots. */
  get structs(): DataView {
    return this.view
  }

  /** Fills the slot's struct open_how; returns its address. */
  openHow(slot: number, openFlags: number, mode: number, resolve: number): number {
    const at = this.structAt(slot)
    this.view.setUint32(at + OpenHow.flags, openFlags, true)
    this.view.setUint32(at + OpenHow.flags + 4, 0, true)
    this.view.setUint32(at + OpenHow.mode, mode, true)
    this.view.setUint32(at + OpenHow.mode + 4, 0, true)
    this.view.setUint32(at + OpenHow.resolve, resolve, true)
    this.view.setUint32(at + OpenHow.resolve + 4, 0, true)
    return this.structAddress(slot)
  }
}
