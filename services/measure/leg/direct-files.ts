// Files as direct descriptors of the rings (`ringmaster/raw`), in the shape of other files. Used by station.ts for layouts with files: 'direct'.
import { closeSync, openSync } from 'node:fs'
import type { ArenaLease } from '../../../workers/arena.ts'
import { op } from '../../raw/index.ts'
import type { RawRing } from '../../raw/index.ts'
import type { Ringmaster } from '../../ringmaster.ts'
import { LayoutImpossibleError } from '../../tune/types.ts'
import type { FileLike, FilesLike } from './work.ts'

/** Each file takes the same place in the table of every ring; requests go to the rings in turn, as the library's do. */
export function directFiles(rings: Ringmaster, count: number, leases: ReadonlyMap<Uint8Array, ArenaLease>): FilesLike {
  const raws = Array.from({ length: count }, (_, ring) => rings.raw(ring))
  let places = 0
  return {
    open: (path, flags, mode) => Promise.resolve(openDirect(raws, places++, leases, path, flags, mode)),
    readFile: () => Promise.reject(new LayoutImpossibleError('whole files are read on direct descriptors anyway')),
  }
}

function openDirect(
  raws: readonly RawRing[],
  index: number,
  leases: ReadonlyMap<Uint8Array, ArenaLease>,
  path: string,
  flags: number,
  mode?: number,
): FileLike {
  const descriptor = openSync(path, flags, mode)
  try {
    for (const raw of raws) raw.registrations.filesUpdate({ index, descriptors: [descriptor] })
  } catch (error) {
    closeSync(descriptor)
    throw new LayoutImpossibleError(`no direct descriptors: ${error instanceof Error ? error.message : String(error)}`)
  }
  const fd = { direct: index }
  let turn = 0
  const next = (): RawRing => {
    turn = turn + 1 === raws.length ? 0 : turn + 1
    return raws[turn]!
  }
  return {
    read: (buffer, offset, length, position) => {
      const transfer = { fd, buffer, offset, length, position }
      const bufferIndex = leases.get(buffer)
      return next().submit(bufferIndex === undefined ? op.read(transfer) : op.readFixed({ ...transfer, bufferIndex }))
    },
    write: (buffer, offset, length, position) => {
      const transfer = { fd, buffer, offset, length, position }
      const bufferIndex = leases.get(buffer)
      return next().submit(bufferIndex === undefined ? op.write(transfer) : op.writeFixed({ ...transfer, bufferIndex }))
    },
    datasync: async () => void (await next().submit(op.fsync({ fd, dataOnly: true }))),
    close: () => Promise.resolve(closeSync(descriptor)),
  }
}
