// What the conformance tests share: each case runs on every poller and in both ring memories, against the running kernel.
// One file per row of the list (sqpoll, cq, sq, link, …); a case is titled `<name of liburing's test>: <what must hold>`.
import { closeSync } from 'node:fs'
import { TestRunner, afterAll, afterEach, beforeAll, describe } from 'vitest'
import type { RingmasterOptions } from '../../services/options.ts'
import { Ringmaster } from '../../services/ringmaster.ts'
import type { RawRing } from '../../services/raw/raw-ring.ts'
import type { RingHandle } from '../../workers/ring-handle.ts'
import { everyPoller, fieldOf, temporaryFolder } from '../services/harness.ts'
import { needsRing, runsWithoutRing } from './without-ring.ts'

/** One of the six kinds of ring of the kernel, or the poller `threadpool`, which has none. */
export type RingKind = (typeof everyPoller)[number]

/** For `applies`: all that has a ring in the kernel. What must hold without one too takes `() => true`. */
const hasKernelRing = ({ poller }: RingKind): boolean => poller !== 'threadpool'

/** What a case works with. Filled in before each file's cases: take fields out of it inside the case, not while describing. */
export interface Stand {
  readonly kind: RingKind
  readonly rings: Ringmaster
  readonly raw: RawRing
  /** The second ring, of the same kind. */
  readonly other: RawRing
  /** A path in the test's folder that nobody has used. */
  readonly path: () => string
  /** Closes a descriptor after the case. */
  readonly own: (fd: number) => number
}

/** The ring behind a RawRing: its client, its counters, its geometry. */
export function handleOf(raw: RawRing): RingHandle {
  return fieldOf(raw, 'handle') as RingHandle
}

/** Describes cases once for each kind of ring that `applies` takes; without it, for the kernel's six, and for the
 * poller `threadpool` where without-ring.ts says so. */
export function describeOnEveryRing(
  row: string,
  define: (stand: Stand) => void,
  options: RingmasterOptions = {},
  applies: (kind: RingKind) => boolean = (kind) => hasKernelRing(kind) || runsWithoutRing(row),
): void {
  describe.each(everyPoller.filter(applies))(`${row}, $poller poller, $memory memory`, (kind) => {
    const stand: { -readonly [Field in keyof Stand]?: Stand[Field] } = { kind }
    const owned: number[] = []
    const folder = temporaryFolder()
    let files = 0
    beforeAll(async () => {
      const size = { rings: 2, directDescriptors: 16, rawDirectDescriptors: 64, sqEntries: 64 } as const
      const rings = await Ringmaster.start({ ...size, ...kind, ...options })
      Object.assign(stand, {
        rings,
        raw: rings.raw(0),
        other: rings.raw(1),
        path: () => `${folder.path}/${files++}`,
        own: (fd: number) => {
          owned.push(fd)
          return fd
        },
      })
    })
    afterEach(() => {
      for (const fd of owned.splice(0)) closeSync(fd)
    })
    afterAll(async () => {
      await stand.rings?.close()
      folder.remove()
    })
    define(stand as Stand)
    if (hasKernelRing(kind)) return
    // Cases that have a reason not to hold there are none of this suite's, rather than skipped in each run.
    const { tasks } = TestRunner.getCurrentSuite()
    const holding = tasks.filter(({ name }) => needsRing(name) === null)
    tasks.splice(0, tasks.length, ...holding)
  })
}
