// What tests of services and workers share: every kind of ring, seeded random numbers, what this process holds, and calls
// that TypeScript would not allow.
import { mkdtempSync, readFileSync, readdirSync, readlinkSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

export const pollers = ['kernel', 'worker', 'caller'] as const
const memories = ['user', 'mapped'] as const

/** Every poller with every memory. */
export const everyRing: { poller: (typeof pollers)[number]; memory: (typeof memories)[number] }[] = pollers.flatMap(
  (poller) => memories.map((memory) => ({ poller, memory })),
)

/** The same and the poller that is no ring of the kernel's; its memory is always user memory. */
/** The suite runs without the addon (vitest's project `plain`): in plain Node.js there is only one poller. */
export const withoutAddon: boolean = process.env['RINGMASTER_ADDON'] === 'none'
type AnyPoller = (typeof pollers)[number] | 'threadpool'
export const allPollers: readonly AnyPoller[] = withoutAddon ? ['threadpool'] : [...pollers, 'threadpool']
export const everyPoller: { poller: AnyPoller; memory: (typeof memories)[number] }[] = [
  ...(withoutAddon ? [] : everyRing),
  { poller: 'threadpool', memory: 'user' },
]

/** A new folder; remove it when done. */
export function temporaryFolder(): { path: string; remove: () => void } {
  const path = realpathSync(mkdtempSync(join(tmpdir(), 'ringmaster-test-')))
  return {
    path,
    remove: () => {
      rmSync(path, { recursive: true, force: true })
    },
  }
}

/** Numbers from 0 to below 1, the same for the same seed (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}

/** The seed of this run, RINGMASTER_TEST_SEED or a new one. Printed, so that a failure can be repeated. */
export function testSeed(what: string): number {
  const seed = Number(process.env['RINGMASTER_TEST_SEED'] ?? Date.now() % 2147483648)
  console.info(`${what}: RINGMASTER_TEST_SEED=${seed}`)
  return seed
}

/** Bytes that differ from their neighbours near and far, the same for the same seed. */
export function seededBytes(length: number, seed: number): Buffer {
  const bytes = Buffer.alloc(length)
  const random = seededRandom(seed)
  for (let at = 0; at + 4 <= length; at += 4) bytes.writeUInt32LE(Math.floor(random() * 4294967296), at)
  for (let at = length - (length % 4); at < length; at++) bytes[at] = Math.floor(random() * 256)
  return bytes
}

/** What each open descriptor of this process is, sorted. */
export function descriptors(): string[] {
  const names = readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)]
    } catch {
      return [] // the descriptor of readdir itself
    }
  })
  return names.sort()
}

/** The names of this process's threads, the kernel's iou-* among them, sorted. */
export function threads(): string[] {
  const names = readdirSync('/proc/self/task').flatMap((task) => {
    try {
      return [readFileSync(`/proc/self/task/${task}/comm`, 'latin1').trim()]
    } catch {
      return [] // ended meanwhile
    }
  })
  return names.sort()
}

/** Waits until `holds`, at most `limitMs`; says whether it did. Long by default: the machine may be busy with other things. */
export async function eventually(holds: () => boolean, limitMs = 20_000): Promise<boolean> {
  const deadlineMs = performance.now() + limitMs
  while (!holds()) {
    if (performance.now() > deadlineMs) return false
    await sleep(2)
  }
  return true
}

/** What `look` tells once it has told it for 50 ms: the kernel lists a thread for a moment after it was joined. */
export async function steady<T>(look: () => T): Promise<T> {
  let seen = look()
  for (let same = 0; same < 5;) {
    await sleep(10)
    const now = look()
    same = JSON.stringify(now) === JSON.stringify(seen) ? same + 1 : 0
    seen = now
  }
  return seen
}

/** How a promise stands after `limitMs`: a hang becomes a value that a test can compare. */
export async function settledWithin(promise: Promise<unknown>, limitMs = 20_000): Promise<string> {
  const timer = new AbortController()
  try {
    return await Promise.race([
      promise.then(
        () => 'resolved',
        (error: unknown) => String(fieldOf(error, 'code') ?? error),
      ),
      sleep(limitMs, 'pending', { signal: timer.signal }),
    ])
  } finally {
    timer.abort()
  }
}

/** A field of something unknown. */
export function fieldOf(value: unknown, field: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, field) : undefined
}

/** Calls a method with arguments that its types forbid. */
export function callLoosely(target: object, method: string, ...args: readonly unknown[]): Promise<unknown> {
  const run = Reflect.get(target, method) as (...args: readonly unknown[]) => Promise<unknown>
  return run.apply(target, [...args])
}

/** What a failed call says that programs act on. */
export async function failure(promise: Promise<unknown>): Promise<Record<string, unknown>> {
  try {
    await promise
  } catch (error) {
    const { name } = error as Error
    const fields: Record<string, unknown> = { name }
    for (const field of ['code', 'errno', 'syscall', 'path']) {
      const value = fieldOf(error, field)
      if (value !== undefined) fields[field] = value
    }
    return fields
  }
  return { name: 'no error' }
}
