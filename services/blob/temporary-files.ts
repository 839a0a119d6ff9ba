// Temporary files: what they are called, and whether somebody still writes one. Made by ring-folder.ts and by writeFile(), left out by
// listing.ts, removed by keeper.ts where a crash has left them.
import { randomBytes } from 'node:crypto'
import { closeSync, constants, openSync } from 'node:fs'
import { binding } from '../../native/binding.ts'

const F_SETLEASE = 1024
const F_RDLCK = 0
const F_UNLCK = 2
const EAGAIN = -11
/** Where nobody can say who has a file open (network file systems), one that nobody has changed for as long is left over. */
const leftOverMs = 24 * 3_600_000

/** Of temporary files that have a name: they are neither served nor listed, and what a crash leaves is told by it. */
export const temporaryName = (): Buffer => Buffer.from(`.ringmaster-${randomBytes(8).toString('hex')}.tmp`)

const form = /^\.ringmaster-[0-9a-f]{16}\.tmp$/
export const isTemporaryName = (name: string): boolean => form.test(name)

/**
 * Whether nobody writes it any more. Its writer, of whichever process and container, has it open until it has its own name, and the kernel gives
 * no lease of a file that is open for writing: fcntl(2). @throws as open(2)
 */
export function isLeftOver(place: Buffer, changedMs: number, nowMs: number): boolean {
  const addon = binding()
  const { fcntl } = addon.callNumbers()
  const fd = openSync(place, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  try {
    const leased = addon.call(fcntl, fd, F_SETLEASE, F_RDLCK, 0, 0, 0)
    if (leased === EAGAIN) return false
    if (leased < 0) return nowMs - changedMs >= leftOverMs
    addon.call(fcntl, fd, F_SETLEASE, F_UNLCK, 0, 0, 0)
    return true
  } finally {
    closeSync(fd)
  }
}
