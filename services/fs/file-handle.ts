// The FileHandle of `ringmaster/fs`: Node's own class, whose reads, writes, syncs and stats are requests of a ring where their arguments are plain
// ones. What else there is (close, streams, readLines, chmod, the errors of bad arguments) is Node's, on the same descriptor. Made by open.ts.
import { At, Op } from '../../native/abi.ts'
import { ftruncate } from '../../native/operations/space.ts'
import { throwIfAborted } from '../abort.ts'
import { requestStat, requestSync } from '../requests.ts'
import { fileBytesMax, readContents, sizeOf } from './contents.ts'
import {
  moveVector,
  readAtOnce,
  readInto,
  requestTruncate,
  whileHeld,
  writeAll,
  writeAtOnce,
  writeFrom,
} from './handle-requests.ts'
import { HeldFile } from './held-file.ts'
import type { Holds } from './held-file.ts'
import type { NodeFileHandle, NodeFileHandleClass } from './node-handle.ts'
import { isOptions, isSignal, optionsOrEncoding, plainEncoding } from './plain.ts'
import { notTransferable, webStream } from './ring-opened.ts'
import type { Route } from './route.ts'

const fileOf = Symbol('ringmaster')
const defaultReadBytes = 16384
const noOptions: Readonly<Record<string, unknown>> = {}

/** Node's class with a file of ours in it. */
interface Held extends NodeFileHandle {
  [fileOf]: HeldFile
}

/** Whether a handle is ours. */
export const isRingFileHandle = (handle: unknown): handle is NodeFileHandle =>
  typeof handle === 'object' && handle !== null && fileOf in handle

/** From now on the handle makes requests. `isOurs`: a ring has opened its file, and there is no native object of Node's. */
export function giveFile(handle: NodeFileHandle, route: Route, holds: Holds, isOurs: boolean): void {
  // Not to be seen by who prints it.
  Object.defineProperty(handle, fileOf, { value: new HeldFile(route, handle, holds, isOurs) })
}

/** The class, for files that rings have opened and for those that Node has. `transfer`: the name of the method that postMessage() calls. */
export function ringFileHandleClass(Base: NodeFileHandleClass, transfer: symbol | null): NodeFileHandleClass {
  // The name is what people see of it.
  const Ours = class FileHandle extends Base {
    declare readonly [fileOf]: HeldFile

    override read(target?: unknown, offset?: unknown, length?: unknown, position?: unknown): Promise<unknown> {
      const quick = readAtOnce(this[fileOf], target, offset, length, position)
      if (quick !== null) return quick
      const ownWay = (): Promise<unknown> => super.read(target, offset, length, position)
      if (!ArrayBuffer.isView(target)) {
        if ((!isOptions(target) && target !== null) || Array.isArray(target)) return ownWay()
        const options = (target ?? noOptions) as Readonly<Record<string, unknown>>
        const given = options['buffer']
        const buffer = given === undefined ? Buffer.alloc(defaultReadBytes) : given
        const { offset: from, length: count, position: at } = options
        return readInto(this[fileOf], buffer, from, count, at, given === undefined, ownWay)
      }
      if (typeof offset !== 'object' || offset === null)
        return readInto(this[fileOf], target, offset, length, position, false, ownWay)
      const { offset: from, length: count, position: at } = offset as Readonly<Record<string, unknown>>
      return readInto(this[fileOf], target, from, count, at, false, ownWay)
    }

    override write(data?: unknown, offset?: unknown, length?: unknown, position?: unknown): Promise<unknown> {
      const quick = writeAtOnce(this[fileOf], data, offset, length, position)
      if (quick !== null) return quick
      const ownWay = (): Promise<unknown> => super.write(data, offset, length, position)
      if (typeof data === 'string') {
        const encoding = plainEncoding(length)
        if (encoding === undefined || encoding === 'hex') return ownWay()
        const bytes = Buffer.from(data, encoding ?? 'utf8')
        return writeFrom(this[fileOf], bytes, 0, bytes.length, offset, data, ownWay)
      }
      if (!ArrayBuffer.isView(data)) return ownWay()
      // Of null Node makes options without any, whatever comes behind it.
      const options = typeof offset === 'object' ? ((offset ?? noOptions) as Readonly<Record<string, unknown>>) : null
      const [from, count, at] =
        options === null ? [offset, length, position] : [options['offset'], options['length'], options['position']]
      const start = from ?? 0
      const bytes = typeof count === 'number' ? count : data.byteLength - Number(start)
      return writeFrom(this[fileOf], data, start, bytes, typeof at === 'number' ? at : null, data, ownWay)
    }

    override readv(buffers?: unknown, position?: unknown): Promise<unknown> {
      return moveVector(this[fileOf], Op.READV, buffers, position, () => super.readv(buffers, position))
    }

    override writev(buffers?: unknown, position?: unknown): Promise<unknown> {
      return moveVector(this[fileOf], Op.WRITEV, buffers, position, () => super.writev(buffers, position))
    }

    override readFile(given?: unknown): Promise<unknown> {
      const ownWay = (): Promise<unknown> => super.readFile(given)
      const options = optionsOrEncoding(given)
      const encoding = plainEncoding(options?.['encoding'])
      const signal = options?.['signal']
      if (
        options === null ||
        encoding === undefined ||
        !isSignal(signal) ||
        signal?.aborted === true ||
        options['buffer'] !== undefined
      )
        return ownWay()
      return whileHeld(this[fileOf], ownWay, async (file, handle) => {
        throwIfAborted(signal)
        const size = await sizeOf(handle, file)
        if (size > fileBytesMax) return ownWay()
        const data = await readContents(handle, file, size, signal)
        return encoding === null ? data : data.toString(encoding)
      })
    }

    override writeFile(data?: unknown, given?: unknown): Promise<unknown> {
      return writeAll(this[fileOf], data, given, () => super.writeFile(data, given))
    }

    override appendFile(data?: unknown, given?: unknown): Promise<unknown> {
      return writeAll(this[fileOf], data, given, () => super.appendFile(data, given))
    }

    override stat(options?: unknown): Promise<unknown> {
      const ownWay = (): Promise<unknown> => super.stat(options)
      if (!isOptions(options)) return ownWay()
      const bigint = options !== undefined && Reflect.get(options, 'bigint') === true
      return whileHeld(this[fileOf], ownWay, ({ fd }, handle) =>
        requestStat(handle, { dirFd: fd, path: '', atFlags: At.EMPTY_PATH, bigint, syscall: 'fstat' }),
      )
    }

    override sync(): Promise<unknown> {
      const ownWay = (): Promise<unknown> => super.sync()
      return whileHeld(this[fileOf], ownWay, ({ fd }, handle) => requestSync(handle, fd, false))
    }

    override datasync(): Promise<unknown> {
      const ownWay = (): Promise<unknown> => super.datasync()
      return whileHeld(this[fileOf], ownWay, ({ fd }, handle) => requestSync(handle, fd, true))
    }

    override truncate(length: unknown = 0): Promise<unknown> {
      const ownWay = (): Promise<unknown> => super.truncate(length)
      const file = this[fileOf]
      if (!Number.isSafeInteger(length) || file.route.handleFor(ftruncate) === null) return ownWay()
      return whileHeld(file, ownWay, ({ fd }, handle) => requestTruncate(handle, fd, Math.max(0, Number(length))))
    }

    override readableWebStream(options?: unknown): unknown {
      const stream = (given: unknown): unknown => super.readableWebStream(given)
      return this[fileOf].isOurs ? webStream(Base, stream, options) : stream(options)
    }
  }
  if (transfer !== null) refuseTransfer(Ours, transfer)
  return Ours
}

/** As Node's own, it refuses before anything has changed. */
function refuseTransfer(Ours: NodeFileHandleClass, transfer: symbol): void {
  const prototype = Ours.prototype as Held
  const ownTransfer = Reflect.get(prototype, transfer) as (this: Held) => unknown
  Object.defineProperty(prototype, transfer, {
    value(this: Held) {
      if (this[fileOf].isOurs) throw notTransferable()
      return ownTransfer.call(this)
    },
  })
}
