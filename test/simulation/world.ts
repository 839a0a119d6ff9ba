// What the simulated kernel knows besides rings: files, pipes and sockets, listeners, descriptors of the process and direct
// ones. Contents are a function of who and where, so that data in the wrong place is recognised. Used by operations/*.ts and
// by the workload, which plays the peers and compares.
import { Violation } from './memory.ts'

/** The byte at `position` of the file or channel `id`. */
export function patternByte(id: number, position: number): number {
  return (id * 89 + position * 7 + (position >> 8) * 13 + 1) & 0xff
}

/** Where `bytes` first differ from the contents of `id` at `position`; -1 where they do not. */
export function patternMismatch(bytes: Uint8Array, id: number, position: number): number {
  for (let index = 0; index < bytes.length; index++)
    if (bytes[index] !== patternByte(id, position + index)) return index
  return -1
}

export function putPattern(bytes: Uint8Array, id: number, position: number): void {
  for (let index = 0; index < bytes.length; index++) bytes[index] = patternByte(id, position + index)
}

export interface ModelFile {
  readonly kind: 'file'
  readonly id: number
  readonly path: string
  readonly sizeBytes: number
  /** What was written to it, by where: each piece by itself. */
  readonly written: Map<number, Uint8Array>
}

/** A pipe's or a connected socket's receiving end. */
export interface Channel {
  readonly kind: 'channel'
  readonly id: number
  /** Bytes that the peer has sent, and that were received. */
  sent: number
  received: number
  ended: boolean
  /** What was sent the other way, in the order in which the kernel read it. */
  readonly outgoing: Uint8Array[]
  readonly waiting: Map<object, () => void>
}

export interface Listener {
  readonly kind: 'listener'
  readonly id: number
  pending: number
  readonly waiting: Map<object, () => void>
}

export type Thing = ModelFile | Channel | Listener

export interface Description {
  readonly thing: Thing
  position: number
}

export class World {
  readonly files: Map<string, ModelFile> = new Map()
  readonly descriptors: Map<number, Description> = new Map()
  readonly direct: Map<number, Description> = new Map()
  private nextFd = 100
  private nextId = 1

  file(sizeBytes: number): ModelFile {
    const id = this.nextId++
    const file: ModelFile = { kind: 'file', id, path: `/file${id}`, sizeBytes, written: new Map() }
    this.files.set(file.path, file)
    return file
  }

  channel(): Channel {
    return {
      kind: 'channel',
      id: this.nextId++,
      sent: 0,
      received: 0,
      ended: false,
      outgoing: [],
      waiting: new Map(),
    }
  }

  listener(): Listener {
    return { kind: 'listener', id: this.nextId++, pending: 0, waiting: new Map() }
  }

  open(thing: Thing): number {
    this.descriptors.set(this.nextFd, { thing, position: 0 })
    return this.nextFd++
  }

  close(fd: number): boolean {
    return this.descriptors.delete(fd)
  }

  /** The peer sends, connects or closes: whoever waits looks again. */
  happened(thing: Channel | Listener): void {
    const waiting = [...thing.waiting.values()]
    for (const look of waiting) look()
  }

  expectNoneOpen(kind: Thing['kind']): void {
    const left = [...this.descriptors].filter(([, { thing }]) => thing.kind === kind)
    if (left.length > 0) throw new Violation(`descriptors were left open: ${left.map(([fd]) => fd).join(', ')}`)
  }
}
