// How operations are proven: each family's tests run on every poller, and a last test compares what they earned with what
// native/operations/tested.ts claims. Used by operations-*.test.ts.
//
// An operation is earned when every test that proves it passed, and the rings' own counters say that on every poller the kernel
// completed one successfully: a test that ran nothing earns nothing.
import { closeSync } from 'node:fs'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { operations } from '../../../native/operations/index.ts'
import { testedOperations } from '../../../native/operations/tested.ts'
import type { RawRing } from '../../../services/raw/raw-ring.ts'
import { makeOperation } from '../../../services/raw/operation.ts'
import type { Operation } from '../../../services/raw/operation.ts'
import { Ringmaster } from '../../../services/ringmaster.ts'
import type { RingHandle } from '../../../workers/ring-handle.ts'
import { threadpoolRefusal } from '../../../workers/threadpool/refusals.ts'
import { allPollers, fieldOf, temporaryFolder } from '../harness.ts'

/** What a proof works with: two rings of one poller, and a folder of its own. */
export interface Bench {
  readonly raw: RawRing
  readonly other: RawRing
  readonly rings: Ringmaster
  readonly poller: (typeof allPollers)[number]
  /** A path in the test's folder that nobody has used. */
  readonly path: () => string
  /** Closes a descriptor after the test. */
  readonly own: (fd: number) => number
  readonly submit: <R>(operation: Operation<R>) => Promise<R>
  /** The code of the error that submitting ends with; 'no error' without one. */
  readonly code: (operation: Operation<unknown>) => Promise<string>
}

export interface ProofOptions {
  /** The errno that the operation always ends with, here or by its nature. */
  readonly endsWith?: number
  /** What of it needs io_uring, where the operation itself does not: the poller `threadpool` is left out. */
  readonly needsRing?: string
}

export type Proves = (
  operation: string,
  title: string,
  body: (bench: Bench) => Promise<void>,
  options?: ProofOptions,
) => void

/** The ring behind a RawRing, for its counters and its client. */
export function handleOf(raw: RawRing): RingHandle {
  return fieldOf(raw, 'handle') as RingHandle
}

/** Requests with this opcode that are over, and those of them that ended as the operation ends when all is well. */
function answers(rings: readonly RawRing[], name: string, endsWith: number | undefined): { all: number; good: number } {
  const opcode = operations.find((row) => row.name === name)!.opcode
  const count = { all: 0, good: 0 }
  for (const raw of rings) {
    const { metrics } = handleOf(raw)
    count.all += metrics.completions(opcode)
    if (endsWith === undefined) count.good += metrics.completions(opcode) - metrics.errors(opcode)
    else count.good += metrics.errorsByErrno(opcode).find(({ errno }) => errno === endsWith)?.count ?? 0
  }
  return count
}

/** Why the poller `threadpool` cannot have this operation, as it says itself; null where it can. */
function refusedWithoutRing(name: string): string | null {
  return threadpoolRefusal(operations.find((row) => row.name === name)!.opcode, 0)
}

/** The pollers that an operation is to be proven on. */
const pollersFor = (name: string): readonly string[] =>
  allPollers.filter((poller) => poller !== 'threadpool' || refusedWithoutRing(name) === null)

/** Describes a family's proofs, once for each poller. What a poller cannot do must be refused there, with the reason. */
export function describeFamily(family: string, define: (proves: Proves) => void): void {
  const earnedOn = new Map<string, Set<string>>()
  const failed = new Set<string>()

  describe.each(allPollers)('%s', (poller) => {
    const folder = temporaryFolder()
    const owned: number[] = []
    let bench: Bench
    let files = 0
    beforeAll(async () => {
      const rings = await Ringmaster.start({
        rings: 2,
        poller,
        directDescriptors: 64,
        rawDirectDescriptors: 64,
        sqEntries: 64,
      })
      const raw = rings.raw(0)
      bench = {
        raw,
        other: rings.raw(1),
        rings,
        poller,
        path: () => `${folder.path}/${files++}`,
        own: (fd) => {
          owned.push(fd)
          return fd
        },
        submit: (operation) => raw.submit(operation),
        code: async (operation) => {
          try {
            await raw.submit(operation)
            return 'no error'
          } catch (error) {
            return String(fieldOf(error, 'code'))
          }
        },
      }
    })
    afterEach(() => {
      for (const fd of owned.splice(0)) closeSync(fd)
    })
    afterAll(async () => {
      await bench.rings.close()
      folder.remove()
    })

    const refused = new Set<string>()
    define((name, title, body, { endsWith, needsRing } = {}) => {
      if (poller === 'threadpool' && needsRing !== undefined) return
      const refusal = poller === 'threadpool' ? refusedWithoutRing(name) : null
      if (refusal !== null) {
        if (refused.has(name)) return
        refused.add(name)
        it(`${name}: is refused with the reason`, async () => {
          const operation = makeOperation(
            operations.find((row) => row.name === name)!,
            () => undefined,
          )
          const error = await bench.raw.submit(operation).catch((reason: unknown) => reason)
          expect(fieldOf(error, 'code')).toBe('ERR_RING_OPERATION_UNSUPPORTED')
          expect(String(fieldOf(error, 'message'))).toContain(refusal)
        })
        return
      }
      it(`${name}: ${title}`, async () => {
        const both = [bench.raw, bench.other]
        const before = answers(both, name, endsWith)
        try {
          await body(bench)
        } catch (error) {
          failed.add(name)
          throw error
        }
        const after = answers(both, name, endsWith)
        expect(after.all, `the kernel has answered ${name}`).toBeGreaterThan(before.all)
        if (after.good > before.good) earnedOn.set(name, (earnedOn.get(name) ?? new Set()).add(poller))
      })
    })
  })

  it(`the family earns what it claims in native/operations/tested.ts: ${family}`, () => {
    const earned = [...earnedOn].filter(([name, on]) => on.size === pollersFor(name).length && !failed.has(name))
    expect(earned.map(([name]) => name).sort()).toEqual([...(testedOperations[family] ?? [])].sort())
  })
}
