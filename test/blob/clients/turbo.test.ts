// The real turbo, from npm: what one build has stored, the next one does not build.
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { parseTokens } from '../../../services/blob/access.ts'
import { findPackage } from '../../packaging/project.ts'
import { startObjects } from '../objects.ts'
import type { Objects } from '../objects.ts'
import { makeMonorepo } from './monorepo.ts'
import type { Monorepo } from './monorepo.ts'

const found = findPackage('turbo', '2', 'bin/turbo')
const missing = typeof found === 'string' ? '' : ` (skipped: ${found.missing})`
const turbo = typeof found === 'string' ? found : ''
const writer = 'read-write-token-0123456789'
const reader = 'read-only-token-0123456789'
const key = { TURBO_REMOTE_CACHE_SIGNATURE_KEY: 'a key of thirty-two bytes or more.' }

let service: Objects
let repository: Monorepo
beforeAll(async () => {
  const tokens = parseTokens(`read-write ${writer}\nread-only ${reader}`)
  service = await startObjects({ dialects: ['turbo'], tokens })
})
afterAll(() => service[Symbol.asyncDispose]())
afterEach(() => {
  repository.remove()
})

function make(signature: boolean): void {
  const tasks = { build: { dependsOn: ['^build'], outputs: ['dist/**'] } }
  repository = makeMonorepo({ 'turbo.json': { remoteCache: { signature }, tasks } })
}

/** One build with nothing but the remote cache. */
async function build(team: string, env: Readonly<Record<string, string>> = {}, ...more: string[]): Promise<string> {
  repository.clean('.turbo')
  const ours = { TURBO_API: `http://127.0.0.1:${service.port}`, TURBO_TOKEN: writer, TURBO_TEAM: team }
  const quiet = { TURBO_TELEMETRY_DISABLED: '1', TURBO_NO_UPDATE_NOTIFIER: '1' }
  const args = [turbo, 'run', 'build', '--cache=remote:rw', ...more]
  return repository.run(process.execPath, args, { ...ours, ...quiet, ...env })
}
const stored = (team: string): string[] => {
  const folder = join(service.root, 'turbo', team)
  return existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : []
}

describe.skipIf(missing !== '')(`turbo${missing}`, () => {
  it.each([
    ['without signatures', 'plain', false, {}, []],
    ['with signatures, and asking first whether it may', 'signed', true, key, ['--preflight']],
  ] as const)('%s builds once, and then takes everything from the cache', async (_, team, signature, env, more) => {
    make(signature)
    expect(await build(team, env, ...more)).toMatch(/Cached: +0 cached, 2 total/)
    const outputs = repository.outputs()
    expect(stored(team).length).toBe(2)
    const again = await build(team, env, ...more)
    expect(again).toMatch(/Cached: +2 cached, 2 total/)
    expect(again).toContain('FULL TURBO')
    expect([repository.builds(), repository.outputs()]).toEqual([2, outputs])
  })

  it('takes nothing that is signed with another key, or is not what was signed', async () => {
    make(true)
    await build('careful', { TURBO_REMOTE_CACHE_SIGNATURE_KEY: 'another key, of thirty-two bytes or more.' })
    await build('careful', key)
    expect(repository.builds()).toBe(4)
    for (const path of stored('careful')) {
      const bytes = readFileSync(path)
      bytes[bytes.length - 1]! ^= 1
      writeFileSync(path, bytes)
    }
    await build('careful', key)
    expect(repository.builds()).toBe(6)
  })

  it('builds all the same with a token that may only read, or for a team that has nothing', async () => {
    make(false)
    expect(await build('strict', { TURBO_TOKEN: reader })).toContain('2 successful')
    expect([repository.builds(), stored('strict')]).toEqual([2, []])
    await build('strict')
    const outputs = repository.outputs()
    expect(await build('strict', { TURBO_TOKEN: reader })).toContain('FULL TURBO')
    expect([repository.builds(), repository.outputs()]).toEqual([4, outputs])
    await build('other')
    expect(repository.builds()).toBe(6)
  })
})
