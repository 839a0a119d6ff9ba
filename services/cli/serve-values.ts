// What options of serve may be, apart from the daemon, which nobody loads to ask for help. Used by serve-options.ts, doctor.ts and file-daemon.ts.
import type { DialectName } from '../blob/dialects/index.ts'
import type { Durability } from '../blob/put.ts'
import type { WhenFull } from '../blob/room/quota.ts'

export const pollers = ['auto', 'kernel', 'worker', 'caller', 'threadpool'] as const

/** Whether the admin address tells which files are asked for, and by whom. */
export const trafficStates = ['on', 'off'] as const

/** What who has no token may do, where there are tokens, or other machines. */
export const anonymousRights = ['none', 'read-only'] as const

/** As put.ts has them. */
export const durabilities: readonly Durability[] = ['full', 'data', 'none']

/** As dialects/index.ts has them. */
export const dialects: readonly DialectName[] = ['raw', 'turbo', 'nx']

/** As room/quota.ts has them. */
export const whenFullWays: readonly WhenFull[] = ['refuse', 'evict']
