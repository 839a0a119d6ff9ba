// A file that is being read for an answer, on a ring: open until the answer is out, with as little around it as that takes. Made by
// blob-root.ts for FileService.
import { fstatSync, type Stats } from 'node:fs'
import { Op } from '../../native/abi.ts'
import { addressOfOwn } from '../../native/addresses.ts'
import { prepRead } from '../../native/operations/files.ts'
import { resultError } from '../../workers/completions.ts'
import type { RingHandle } from '../../workers/ring-handle.ts'
import type { Completion } from '../../workers/slots.ts'
import type { StoredFile } from '../http/storage.ts'
import { closeDescriptor } from '../net/descriptors.ts'
import { HeldDescriptor } from './held-descriptor.ts'

const settleRead: Completion = {
  complete(slots, slot, result) {
    if (result >= 0) slots.resolve(slot, { bytesRead: result })
    else slots.reject(slot, resultError(result, 'read'))
  },
}

export class ServedFile extends HeldDescriptor<RingHandle> implements StoredFile {
  /** `buffer` is of a pool, and nobody can reach it meanwhile. */
  read(buffer: Uint8Array, offset: number, length: number, position: number): Promise<{ bytesRead: number }> {
    const { client } = this.handle
    const slot = client.claim(Op.READ, settleRead, buffer, null)
    prepRead(client.words, client.at, 0, this.fd, addressOfOwn(buffer) + offset, length, position)
    return client.slots.promise(slot)
  }

  /**
   * By a system call: of a file that has just been opened everything is known, so it is over in a microsecond. The ring hands each statx to
   * a thread of the kernel's, which takes many times as long.
   */
  stat(): Promise<Stats> {
    return Promise.resolve(fstatSync(this.fd))
  }

  /** Nobody waits for it: a file that was only read loses nothing. */
  close(): Promise<void> {
    closeDescriptor(this.handle, this.fd)
    return Promise.resolve()
  }
}
