// How the smoke tests are written and told: check() runs one and says over the serial port how it ended. Plain Node, because it must run on a
// root of a few files. Used by all of guest/.
import { isDeepStrictEqual } from 'node:util'
import { inspect } from 'node:util'
import { writeSync } from 'node:fs'
import type { Line } from '../lines.ts'

/** Emulated CPUs are slow: this is for what hangs. */
const checkMsMax = 180_000

export function tell(line: Line): void {
  writeSync(1, `${JSON.stringify(line)}\n`)
}

let failures = 0
let wanted = ''

/** Only areas whose names begin so. */
export function onlyAreas(prefix: string): void {
  wanted = prefix
}

export const wants = (area: string): boolean => area.startsWith(wanted)
export const failureCount = (): number => failures

/** Runs one check. What it throws is its failure, and what hangs fails. */
export async function check(area: string, name: string, body: () => Promise<void> | void): Promise<void> {
  if (!wants(area)) return
  const startedMs = performance.now()
  const running = (async (): Promise<void> => {
    await body()
  })()
  let timer: NodeJS.Timeout | undefined
  const limit = new Promise<void>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`not over after ${checkMsMax / 1000} s`))
    }, checkMsMax)
  })
  let failure: string | null = null
  try {
    await Promise.race([running, limit])
  } catch (error) {
    failures++
    failure = inspect(error, { depth: 4 }).slice(0, 2000)
  } finally {
    clearTimeout(timer)
  }
  tell({ kind: 'check', area, name, failure, seconds: (performance.now() - startedMs) / 1000 })
}

/** @throws Error that shows both */
export function same(actual: unknown, expected: unknown, what = 'it'): void {
  if (isDeepStrictEqual(actual, expected)) return
  throw new Error(`${what} is ${inspect(actual, { depth: 4 })} and not ${inspect(expected, { depth: 4 })}`)
}

/** @throws Error that says what does not hold */
export function holds(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Error(`it does not hold that ${what}`)
}

/** The code and the message of what a promise is rejected with; null where it is fulfilled. */
export async function refusalOf(promise: Promise<unknown>): Promise<{ code: string; message: string } | null> {
  try {
    await promise
    return null
  } catch (error) {
    const code: unknown = error instanceof Error && 'code' in error ? error.code : undefined
    return { code: String(code), message: error instanceof Error ? error.message : String(error) }
  }
}

/** The code alone; 'no error' without one. */
export async function codeOf(promise: Promise<unknown>): Promise<string> {
  return (await refusalOf(promise))?.code ?? 'no error'
}

/** Whether release `of` of the kernel is `since` or later: '6.12.1-amd64' is later than '6.1'. */
export function isSince(of: string, since: string): boolean {
  const [major = 0, minor = 0] = of.split(/[.-]/).map(Number)
  const [sinceMajor = 0, sinceMinor = 0] = since.split('.').map(Number)
  return major > sinceMajor || (major === sinceMajor && minor >= sinceMinor)
}
