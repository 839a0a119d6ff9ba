// readFile(), writeFile(), appendFile() and truncate() of paths and of handles. Made for a route by make-fs.ts.
import { ftruncate } from '../../native/operations/space.ts'
import { readWholeFile } from '../read-file.ts'
import { isRingFileHandle } from './file-handle.ts'
import type { NodeFileHandle } from './node-handle.ts'
import { ownCall } from './own.ts'
import type { AnyCall } from './own.ts'
import { isSignal, optionsOrEncoding, plainData, plainEncoding, plainFlags, plainMode, plainPath } from './plain.ts'
import type { Route } from './route.ts'
import { writeByDescriptor, writeSafely } from './write-by-descriptor.ts'

export interface WholeFileFunctions {
  readonly readFile: AnyCall
  readonly writeFile: AnyCall
  readonly appendFile: AnyCall
  readonly truncate: AnyCall
}

export function makeWholeFiles(route: Route, open: AnyCall): WholeFileFunctions {
  return {
    readFile: makeReadFile(route),
    writeFile: makeWriteFile(route, 'writeFile', 'w'),
    appendFile: makeWriteFile(route, 'appendFile', 'a'),
    truncate: makeTruncate(route, open),
  }
}

function makeReadFile(route: Route): AnyCall {
  const ownReadFile = ownCall('readFile')
  const readFile: AnyCall = (...args) => {
    const [path, given] = args
    if (isOpen(path)) return path.readFile(given)
    const options = optionsOrEncoding(given)
    const handle = options === null || options['buffer'] !== undefined ? null : route.handle()
    if (options === null || handle === null) return ownReadFile(...args)
    const target = plainPath(path)
    const encoding = plainEncoding(options['encoding'])
    const flags = plainFlags(flagOf(options['flag'], 'r'))
    const { signal } = options
    if (target === null || encoding === undefined || flags === null || !isSignal(signal) || signal?.aborted === true)
      return ownReadFile(...args)
    const request = (): Promise<unknown> => readWholeFile(handle, { path: target, flags, encoding, signal })
    return route.persist(request)
  }
  return readFile
}

/** As Node has it: whatever is false, 0 as well, is not given. */
const flagOf = (given: unknown, absent: string): unknown =>
  given === undefined || given === null || given === 0 || given === '' ? absent : given

/** A handle of ours that is open: Node, asked for the others, says what is wrong with one that is closed. */
const isOpen = (path: unknown): path is NodeFileHandle => isRingFileHandle(path) && path.fd >= 0

function makeWriteFile(route: Route, name: 'writeFile' | 'appendFile', absentFlag: string): AnyCall {
  const ownWriteFile = ownCall(name)
  return (...args) => {
    const [path, data, given] = args
    if (isOpen(path)) return path.writeFile(data, given)
    const options = optionsOrEncoding(given)
    if (options !== null && (options['atomic'] !== undefined || options['durable'] !== undefined))
      return writeSafely(route, path, data, { flag: absentFlag, ...options })
    const handle = options === null ? null : route.handle()
    const target = handle === null ? null : plainPath(path)
    if (options === null || handle === null || target === null) return ownWriteFile(...args)
    const encoding = plainEncoding(options['encoding'])
    const flags = plainFlags(flagOf(options['flag'], absentFlag))
    const mode = plainMode(options['mode'], 0o666)
    const { signal, flush = false } = options
    const bytes = encoding === undefined ? null : plainData(data, encoding)
    if (bytes === null || flags === null || mode === null || !isSignal(signal) || typeof flush !== 'boolean')
      return ownWriteFile(...args)
    if (signal?.aborted === true) return ownWriteFile(...args)
    return writeByDescriptor(route, handle, { path: target, data: bytes, flags, mode, flush, signal })
  }
}

function makeTruncate(route: Route, open: AnyCall): AnyCall {
  const ownTruncate = ownCall('truncate')
  return async (...args) => {
    const [path, length = 0] = args
    if (route.handleFor(ftruncate) === null || !Number.isSafeInteger(length)) return ownTruncate(...args)
    const handle = (await open(path, 'r+')) as NodeFileHandle
    try {
      await handle.truncate(length)
    } finally {
      await handle.close()
    }
    return undefined
  }
}
