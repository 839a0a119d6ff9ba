// `ringmaster doctor` where there are too few descriptors for its own modules: it says so in a report, as it says everything. Called by main.ts and
// doctor.ts; imports nothing but Node.js itself, which is there already.
import { spawnSync } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

/** More than the doctor and what it tries take. */
const descriptorsAdvised = 1024

const reporter = fileURLToPath(new URL('../doctor/few-descriptors.js', import.meta.url))

/** The first module that cannot be opened is heard of while others still are: they are closed soon. */
const attemptsMax = 50
const pauseMs = 10

/** Prints the report. @returns its exit code; null where there are too few even for that */
export async function reportFewDescriptors(args: readonly string[]): Promise<number | null> {
  const words = [reporter, String(descriptorsAdvised), ...args]
  const env = { ...process.env, NODE_OPTIONS: '' }
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    const { status, error } = spawnSync(process.execPath, words, { stdio: ['ignore', 'inherit', 'ignore'], env })
    if (error === undefined) return status === 2 ? status : null
    await sleep(pauseMs)
  }
  return null
}
