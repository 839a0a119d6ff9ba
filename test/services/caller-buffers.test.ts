// The caller's own memory while the kernel has it: collected, transferred, resized. On every poller, with reads on a pipe that is
// empty, so that the request is certainly in flight while it happens.
import { writeFileSync, writeSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { MessageChannel } from 'node:worker_threads'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { keepTransferable } from '../../services/index.ts'
import { op } from '../../services/raw/index.ts'
import { Ringmaster } from '../../services/ringmaster.ts'
import { makePipe } from '../native/support/pipe.ts'
import type { Pipe } from '../native/support/pipe.ts'
import { eventually, failure, fieldOf, pollers, temporaryFolder } from './harness.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** Transfers, as far as this Node lets: newer ones throw, older ones copy. Says whether the memory has moved. */
function moved(buffer: ArrayBuffer, transfer: () => void): boolean {
  try {
    transfer()
  } catch (error) {
    expect(fieldOf(error, 'name')).toBe('DataCloneError')
  }
  return buffer.byteLength === 0
}

describe.each(pollers)('a buffer of the caller’s, poller %s', (poller) => {
  const folder = temporaryFolder()
  let rings: Ringmaster
  let pipe: Pipe
  beforeAll(async () => {
    rings = await Ringmaster.start({ rings: 1, poller })
  })
  afterAll(async () => {
    await rings.close()
    folder.remove()
  })
  beforeEach(() => {
    pipe = makePipe()
  })
  afterEach(() => {
    pipe.close()
  })

  it.each(['ArrayBuffer', 'SharedArrayBuffer'])('is kept while in flight, and no longer: %s', async (kind) => {
    const start = (): { memory: WeakRef<object>; reading: Promise<number> } => {
      const memory = kind === 'ArrayBuffer' ? new ArrayBuffer(65_536) : new SharedArrayBuffer(65_536)
      const reading = rings.raw().submit(op.read({ fd: pipe.readFd, buffer: new Uint8Array(memory) }))
      return { memory: new WeakRef(memory), reading }
    }
    const { memory, reading } = start()
    for (let time = 0; time < 5; time++) {
      await new Promise(setImmediate)
      collect()
    }
    expect(memory.deref()).toBeDefined()
    writeSync(pipe.writeFd, 'x')
    expect(await reading).toBe(1)
    const gone = (): boolean => {
      collect()
      return memory.deref() === undefined
    }
    expect(await eventually(gone)).toBe(true)
  })

  it('stays where it is when it is transferred meanwhile, and what is read arrives in it', async () => {
    const buffer = Buffer.from(new ArrayBuffer(4096))
    const reading = rings.raw().submit(op.read({ fd: pipe.readFd, buffer }))
    const memory = buffer.buffer
    const channel = new MessageChannel()
    expect(moved(memory, () => structuredClone(memory, { transfer: [memory] }))).toBe(false)
    expect(moved(memory, () => channel.port1.postMessage(memory, [memory]))).toBe(false)
    channel.port1.close()
    collect()
    writeSync(pipe.writeFd, 'arrives')
    expect(await reading).toBe(7)
    expect(buffer.toString('latin1', 0, 7)).toBe('arrives')
  })

  it('can be transferred when the library made it: what read() and readFile() give', async () => {
    const path = `${folder.path}/large`
    writeFileSync(path, Buffer.alloc(100_000, 'f'))
    await using file = await rings.open(path)
    const { buffer, bytesRead } = await file.read({ position: 0 })
    const memory = buffer.buffer as ArrayBuffer
    expect(bytesRead).toBe(16_384)
    const received = structuredClone(memory, { transfer: [memory] })
    expect([memory.byteLength, Buffer.from(received).toString('latin1', 0, 3)]).toEqual([0, 'fff'])
    const whole = (await rings.readFile(path)).buffer as ArrayBuffer
    structuredClone(whole, { transfer: [whole] })
    expect(whole.byteLength).toBe(0)
  })

  it('is refused once it was transferred, whatever is asked of it', async () => {
    const path = `${folder.path}/detached`
    writeFileSync(path, 'content')
    await using file = await rings.open(path, 'r+')
    const kept = new ArrayBuffer(8)
    keepTransferable(kept)
    for (const memory of [new ArrayBuffer(8), kept]) {
      const views = [new Uint8Array(memory), new DataView(memory)]
      structuredClone(memory, { transfer: [memory] })
      const detached = { code: 'ERR_INVALID_ARG_VALUE' }
      for (const view of views) {
        expect(await failure(file.read(view))).toMatchObject(detached)
        expect(await failure(file.write(view))).toMatchObject(detached)
        expect(await failure(file.readBatch([view], [0]))).toMatchObject(detached)
        expect(() => op.read({ fd: file.fd, buffer: view })).toThrow(expect.objectContaining(detached))
      }
    }
    expect(await file.read(new Uint8Array(0))).toMatchObject({ bytesRead: 0 })
  })

  it('can be transferred after its requests where the caller takes the duty', async () => {
    const memory = new ArrayBuffer(4096)
    keepTransferable(memory)
    writeSync(pipe.writeFd, 'mine')
    expect(await rings.raw().submit(op.read({ fd: pipe.readFd, buffer: new Uint8Array(memory) }))).toBe(4)
    const received = structuredClone(memory, { transfer: [memory] })
    expect(memory.byteLength).toBe(0)
    expect(Buffer.from(received).toString('latin1', 0, 4)).toBe('mine')
  })

  // What is cut off of a resizable buffer is no memory any more, and nobody else's either: its addresses stay reserved.
  it('that shrinks meanwhile takes what still fits, or the read fails; nothing else is written to', async () => {
    const options = { maxByteLength: 65_536 }
    const memory = Reflect.construct(ArrayBuffer, [65_536, options]) as ArrayBuffer
    const resize = (sizeBytes: number): void => {
      ;(Reflect.get(memory, 'resize') as (sizeBytes: number) => void).call(memory, sizeBytes)
    }
    const read = rings.raw().submit(op.read({ fd: pipe.readFd, buffer: new Uint8Array(memory, 0, 65_536) }))
    await rings.raw().submit(op.nop())
    resize(4096)
    writeSync(pipe.writeFd, Buffer.alloc(3 * 4096, 'r'))
    const ended = await read.catch((error: unknown) => fieldOf(error, 'code'))
    expect(ended).toBe(4096)
    expect(Buffer.from(memory).every((byte) => byte === 'r'.charCodeAt(0))).toBe(true)
    resize(65_536)
    expect(new Uint8Array(memory, 4096).every((byte) => byte === 0)).toBe(true)

    const other = makePipe() // what did not fit is still in the first
    const gone = rings.raw().submit(op.read({ fd: other.readFd, buffer: new Uint8Array(memory, 8192, 4096) }))
    await rings.raw().submit(op.nop())
    resize(0)
    writeSync(other.writeFd, 'nowhere')
    expect(await failure(gone)).toMatchObject({ code: 'EFAULT' })
    other.close()
  })

  it('that grows meanwhile is filled where it was', async () => {
    const memory: SharedArrayBuffer = Reflect.construct(SharedArrayBuffer, [4096, { maxByteLength: 65_536 }])
    const reading = rings.raw().submit(op.read({ fd: pipe.readFd, buffer: new Uint8Array(memory, 100, 100) }))
    const grow: (sizeBytes: number) => void = Reflect.get(memory, 'grow')
    grow.call(memory, 65_536)
    writeSync(pipe.writeFd, 'grown')
    expect(await reading).toBe(5)
    expect(Buffer.from(memory, 100, 5).toString('latin1')).toBe('grown')
  })
})

it('keepTransferable takes an ArrayBuffer and nothing else', () => {
  const call = keepTransferable as (buffer: unknown) => void
  for (const wrong of [undefined, {}, Buffer.alloc(1), new SharedArrayBuffer(8)]) {
    expect(() => {
      call(wrong)
    }).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }))
  }
})
