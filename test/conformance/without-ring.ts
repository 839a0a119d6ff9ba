// Cases that the poller `threadpool` cannot pass, with the reason: what they check is io_uring's own. All others of their files run on it,
// too. Used by every-ring.ts; a case that is not here must hold without a ring in the kernel.

const registrations = 'io_uring_register(2) needs a ring'
const provided = 'provided buffers are taken by the kernel when data comes'
const descriptor = 'there is no descriptor of a ring'
const quiet = 'quiet steps complete there, which costs nothing, so that barriers go on working'

/** By the beginning of a title. */
const reasons: readonly (readonly [string, string])[] = [
  ['poll-cancel: a process ends with a poll of its own ring', descriptor],
  ['poll-cancel-all: by direct descriptor', registrations],
  ['poll-cancel-ton:', 'each poll that waits has a duplicate of its descriptor, and a process has not that many'],
  ['eventfd-ring:', descriptor],
  ['ring-leak:', descriptor],
  ['ring-leak2:', descriptor],
  ['teardowns:', descriptor],
  ['skip-cqe: of a chain of quiet steps only the last', quiet],
  ['skip-cqe: a quiet step that fails completes', quiet],
  ['skip-cqe: a step that fails after quiet ones', quiet],
  ['skip-cqe: a chain that is refused as a whole', quiet],
  ['recv-multishot:', provided],
  ['recv-mshot-fair:', provided],
  ['recv-mshot-drain:', provided],
  ['read-mshot:', provided],
  ['read-mshot-empty:', provided],
  ['read-mshot-stdin:', provided],
  ['poll-race-mshot:', provided],
  ['mshot-shutdown-race:', provided],
  ['buf-ring-mshot:', provided],
  [
    'submit-link-fail:',
    'most entries are checked when they begin, and what comes before them in a chain is done by then',
  ],
  ['nop-flags: a nop looks up', 'a nop looks up nothing'],
]

const rows: readonly string[] = ['cancel', 'event', 'life', 'mshot', 'SQ', 'LINK, without completions']

/** Whether a row's cases run on the poller `threadpool`, but for those above. Where they say so themselves, they are not here. */
export const runsWithoutRing = (row: string): boolean => rows.includes(row)

/** How the titles of those cases begin. */
export const titlesNeedingRing: readonly string[] = reasons.map(([beginning]) => beginning)

/** Why a case with this title does not run without a ring in the kernel; null where it must hold. */
export function needsRing(title: string): string | null {
  return reasons.find(([beginning]) => title.startsWith(beginning))?.[1] ?? null
}
