// Models of openat, close, read, write, fsync and statx on files that are a pattern. Listed in index.ts.
import { Op, Statx } from '../../../native/abi.ts'
import { Errno } from '../model.ts'
import type { Kernel, OperationModel, Request } from '../model.ts'
import type { Description } from '../world.ts'
import { putPattern } from '../world.ts'
import { describe, readChannel, soon } from './support.ts'

const openat: OperationModel = {
  issue: (kernel, request) => {
    // getname() copies the path when the entry is read.
    const path = kernel.memory.text(request.address)
    soon(kernel, request, () => {
      const file = kernel.world.files.get(path)
      if (file === undefined) kernel.complete(request, Errno.ENOENT)
      else if (kernel.random.chance(kernel.faults.failed)) kernel.complete(request, Errno.EMFILE)
      else if (request.fileIndex > 0) {
        kernel.world.direct.set(request.fileIndex - 1, { thing: file, position: 0 })
        kernel.complete(request, 0)
      } else kernel.complete(request, kernel.world.open(file))
    })
  },
}

const close: OperationModel = {
  issue: (kernel, request) => {
    soon(kernel, request, () => {
      const { world } = kernel
      const closed = request.fileIndex > 0 ? world.direct.delete(request.fileIndex - 1) : world.close(request.fd)
      kernel.complete(request, closed ? 0 : Errno.EBADF)
    })
  },
}

function readFile(kernel: Kernel, request: Request, description: Description, sizeBytes: number): void {
  const { random, faults } = kernel
  if (random.chance(faults.failed)) {
    kernel.complete(request, random.pick([Errno.EIO, Errno.EAGAIN]))
    return
  }
  const position = request.offset < 0 ? description.position : request.offset
  let bytes = Math.max(0, Math.min(request.length, sizeBytes - position))
  if (bytes > 1 && random.chance(faults.short)) bytes = 1 + random.below(bytes - 1)
  putPattern(kernel.memory.at(request.address, bytes), description.thing.id, position)
  if (request.offset < 0) description.position = position + bytes
  kernel.complete(request, bytes)
}

const read: OperationModel = {
  shortFails: true,
  writes: (request) => ({ address: request.address, sizeBytes: request.length }),
  issue: (kernel, request) => {
    const description = describe(kernel, request)
    if (description === undefined) kernel.complete(request, Errno.EBADF)
    else if (description.thing.kind === 'channel') readChannel(kernel, request, description.thing)
    else if (description.thing.kind === 'file') {
      const { sizeBytes } = description.thing
      soon(kernel, request, () => {
        readFile(kernel, request, description, sizeBytes)
      })
    } else kernel.complete(request, Errno.EINVAL)
  },
}

const write: OperationModel = {
  shortFails: true,
  issue: (kernel, request) => {
    const description = describe(kernel, request)
    soon(kernel, request, () => {
      const { random, faults } = kernel
      if (description?.thing.kind !== 'file') kernel.complete(request, Errno.EBADF)
      else if (random.chance(faults.failed)) kernel.complete(request, random.pick([Errno.EIO, Errno.ENOSPC]))
      else {
        let bytes = request.length
        if (bytes > 1 && random.chance(faults.short)) bytes = 1 + random.below(bytes - 1)
        description.thing.written.set(request.offset, kernel.memory.at(request.address, bytes).slice())
        kernel.complete(request, bytes)
      }
    })
  },
}

const fsync: OperationModel = {
  issue: (kernel, request) => {
    soon(kernel, request, () => {
      kernel.complete(request, kernel.random.chance(kernel.faults.failed) ? Errno.EIO : 0)
    })
  },
}

const regularFile = 0o100644

const statx: OperationModel = {
  writes: (request) => ({ address: request.offset, sizeBytes: Statx.sizeBytes }),
  issue: (kernel, request) => {
    const path = kernel.memory.text(request.address)
    soon(kernel, request, () => {
      const thing = path === '' ? kernel.world.descriptors.get(request.fd)?.thing : kernel.world.files.get(path)
      if (thing?.kind !== 'file') {
        kernel.complete(request, Errno.ENOENT)
        return
      }
      kernel.memory.at(request.offset, Statx.sizeBytes).fill(0)
      const view = kernel.memory.view(request.offset, Statx.sizeBytes)
      view.setUint16(Statx.stx_mode, regularFile, true)
      view.setUint32(Statx.stx_ino, thing.id, true)
      view.setUint32(Statx.stx_size, thing.sizeBytes, true)
      kernel.complete(request, 0)
    })
  },
}

export const fileModels: readonly (readonly [number, OperationModel])[] = [
  [Op.OPENAT, openat],
  [Op.CLOSE, close],
  [Op.READ, read],
  [Op.WRITE, write],
  [Op.FSYNC, fsync],
  [Op.STATX, statx],
]
