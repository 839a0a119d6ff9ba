// The daemon as process 1, as in a container without an init, where a signal that nobody catches is lost.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually, temporaryFolder } from '../services/harness.ts'
import { commandLine } from './command.ts'

/** A process in a namespace of its own, in which it is number 1; unshare(1) passes its exit status on. */
const unshare = ['--user', '--map-root-user', '--pid', '--fork', '--kill-child']
const canUnshare = spawnSync('unshare', [...unshare, 'true']).status === 0

let folder: ReturnType<typeof temporaryFolder>
let preload: string
beforeAll(() => {
  folder = temporaryFolder()
  // The command line stays in the middle of its start: one of its libraries never arrives.
  const hooks = join(folder.path, 'hooks.mjs')
  preload = join(folder.path, 'preload.mjs')
  writeFileSync(
    hooks,
    `import { writeSync } from 'node:fs'
     export async function resolve(name, context, next) {
       if (name !== 'commander') return next(name, context)
       writeSync(1, 'starting\\n')
       await new Promise(() => setInterval(() => undefined, 1000))
     }`,
  )
  writeFileSync(
    preload,
    `import { register } from 'node:module'
     register(${JSON.stringify(pathToFileURL(hooks).href)})`,
  )
})
afterAll(() => {
  folder.remove()
})

describe.skipIf(!canUnshare)('as process 1 (skipped where unshare(1) may not make a pid namespace)', () => {
  it.each([
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ] as const)('%s while it still loads ends it with %i', async (signal, code) => {
    const command = commandLine('serve', folder.path, '--listen', ':0', '--admin', ':0')
    const [node, ...rest] = command
    const child = spawn('unshare', [...unshare, node, '--no-warnings', '--import', preload, ...rest], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const exited = once(child, 'exit')
    try {
      let said = ''
      child.stdout.setEncoding('utf8').on('data', (chunk: string) => (said += chunk))
      expect(await eventually(() => said === 'starting\n')).toBe(true)
      const inside = Number(readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8'))
      process.kill(inside, signal)
      expect(await exited).toEqual([code, null])
    } finally {
      child.kill('SIGKILL')
    }
  })
})
