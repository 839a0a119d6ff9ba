// Opens a file as core does, and once more where the first attempt says nothing about the file. Used by open() of Ringmaster and its views.
import { constants } from 'node:fs'
import { SqeFlag } from '../native/abi.ts'
import type { Router } from './request-handle.ts'
import { requestOpen } from './requests.ts'

/** Resolves with a descriptor of the process. Arguments have been checked. */
export async function openDescriptor(
  router: Router,
  path: string | Buffer,
  flags: number,
  mode: number,
  signal: AbortSignal | undefined,
): Promise<number> {
  try {
    return await requestOpen(router.pick(), path, flags, mode, signal)
  } catch (error) {
    const other = router.insteadOf(error, flags)
    if (other !== null) return requestOpen(other, path, flags, mode, signal)
    // The kernel's first attempt does not wait for a pipe's reader, which core does: on a kernel worker thread it will.
    const impatient =
      (flags & constants.O_NONBLOCK) === 0 && error instanceof Error && 'code' in error && error.code === 'ENXIO'
    if (!impatient) throw error
    return requestOpen(router.pick(), path, flags, mode, signal, SqeFlag.ASYNC)
  }
}
