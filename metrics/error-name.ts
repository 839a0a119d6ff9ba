// An errno as the name people search for. Called by catalog.ts for the `code` label; `stats` may use it too.

import { constants } from 'node:os'
import { getSystemErrorMap } from 'node:util'
import { otherErrno } from './ring-metrics.ts'

const names = new Map<number, string>()
for (const [name, errno] of Object.entries(constants.errno)) names.set(errno, name)
// libuv's names win: they are what `error.code` says everywhere else in Node. Two names share 11 on Linux, for one.
for (const [errno, [name]] of getSystemErrorMap()) names.set(-errno, name)
// Neither knows these, and storage says them: reserved by another host, corrupt file system, failing memory. As on all Linux but alpha, mips, sparc.
if (process.platform === 'linux') names.set(52, 'EBADE').set(117, 'EUCLEAN').set(133, 'EHWPOISON')

/** `ENOENT` for 2, positive as in the error table. Unknown numbers keep their number, the collective column is `other`. */
export function errorName(errno: number): string {
  if (errno === otherErrno) return 'other'
  return names.get(errno) ?? `ERRNO_${errno}`
}
