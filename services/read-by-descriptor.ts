// A whole file by a descriptor of the process. Used by readFile() where a direct descriptor will not do.
import { At } from '../native/abi.ts'
import { ownDescriptor } from '../workers/owned-descriptors.ts'
import { closeOnExec } from './open-flags.ts'
import { readToEnd } from './read-to-end.ts'
import type { RequestHandle } from './request-handle.ts'
import { closeDescriptor, requestOpen, requestStat } from './requests.ts'

export interface ReadFileRequest {
  readonly path: string | Buffer
  readonly flags: number
  readonly encoding: BufferEncoding | null
  readonly signal: AbortSignal | undefined
}

/** Open, read to the end, close. `openSqeFlags`: SqeFlag.ASYNC lets a pipe's open wait for its writer. */
export async function readByDescriptor(
  handle: RequestHandle,
  request: ReadFileRequest,
  openSqeFlags: number,
): Promise<Buffer | string> {
  handle.beginTask()
  try {
    return await openReadClose(handle, request, openSqeFlags)
  } finally {
    handle.endTask()
  }
}

async function openReadClose(
  handle: RequestHandle,
  request: ReadFileRequest,
  openSqeFlags: number,
): Promise<Buffer | string> {
  const fd = await requestOpen(handle, request.path, request.flags | closeOnExec, 0o666, request.signal, openSqeFlags)
  ownDescriptor(fd)
  try {
    const target = { dirFd: fd, path: '', atFlags: At.EMPTY_PATH, bigint: false, syscall: 'fstat' } as const
    const stats = await requestStat(handle, target)
    const data = await readToEnd(
      handle,
      fd,
      0,
      Buffer.alloc(0),
      stats.isFile() ? Number(stats.size) : 0,
      request.signal,
    )
    return request.encoding === null ? data : data.toString(request.encoding)
  } finally {
    await closeDescriptor(() => handle, fd)
  }
}
