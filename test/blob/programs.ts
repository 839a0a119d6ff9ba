// Programs of others that tests of the blob service run against it: whether there are any, where they come from, what they said.
import { spawn } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { join } from 'node:path'

/** Debian's packages. */
const packages = {
  curl: 'curl',
  wrk: 'wrk',
  ab: 'apache2-utils',
  h2load: 'nghttp2-client',
  slowhttptest: 'slowhttptest',
}
export type Program = keyof typeof packages

export const isThere = (program: Program): boolean =>
  (process.env['PATH'] ?? '').split(':').some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK)
      return true
    } catch {
      return false
    }
  })

/** For the title of a test that is skipped without it. */
export const named = (program: Program): string =>
  isThere(program) ? program : `${program} (skipped: there is none: apt install ${packages[program]})`

/** Output and errors, once it has ended with status 0. @throws (rejects) with both otherwise */
export function run(program: Program, ...args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    let said = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (part: Buffer) => (said += part.toString()))
    child.on('error', reject)
    child.on('close', (status) => {
      if (status === 0) resolve(said)
      else reject(new Error(`${program} ${args.join(' ')}: status ${status}: ${said}`))
    })
  })
}
