// The real nx, from npm: what one build has stored, the next one does not build.
import { readdirSync, symlinkSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { parseTokens } from '../../../services/blob/access.ts'
import { findPackage } from '../../packaging/project.ts'
import { startObjects } from '../objects.ts'
import type { Objects } from '../objects.ts'
import { makeMonorepo } from './monorepo.ts'
import type { Monorepo } from './monorepo.ts'

const found = findPackage('nx', '24', 'dist/bin/nx.js')
const missing = typeof found === 'string' ? '' : ` (skipped: ${found.missing})`
const nx = typeof found === 'string' ? found : ''
const writer = 'read-write-token-0123456789'
const reader = 'read-only-token-0123456789'

let service: Objects
let repository: Monorepo
beforeEach(async () => {
  service = await startObjects({ dialects: ['nx'], tokens: parseTokens(`read-write ${writer}\nread-only ${reader}`) })
  const build = { cache: true, dependsOn: ['^build'], outputs: ['{projectRoot}/dist'] }
  repository = makeMonorepo({ 'nx.json': { targetDefaults: { build }, neverConnectToCloud: true, analytics: false } })
  // nx insists on being installed where it works.
  symlinkSync(resolve(nx, '../../../..'), join(repository.root, 'node_modules'))
})
afterEach(async () => {
  repository.remove()
  await service[Symbol.asyncDispose]()
})

/** One build with nothing but the remote cache. */
async function build(token: string): Promise<string> {
  repository.clean('.nx')
  const ours = {
    NX_SELF_HOSTED_REMOTE_CACHE_SERVER: `http://127.0.0.1:${service.port}`,
    NX_SELF_HOSTED_REMOTE_CACHE_ACCESS_TOKEN: token,
  }
  const quiet = { NX_NO_CLOUD: 'true', NX_DAEMON: 'false', NX_TUI: 'false', NX_ISOLATE_PLUGINS: 'false', CI: 'true' }
  const args = [nx, 'run-many', '-t', 'build']
  return repository.run(process.execPath, args, { ...quiet, ...ours })
}

describe.skipIf(missing !== '')(`nx${missing}`, () => {
  it('builds once, and then takes everything from the cache', async () => {
    expect(await build(reader)).toContain('Successfully ran target build') // which may not be stored
    expect([repository.builds(), readdirSync(service.root)]).toEqual([2, []])
    await build(writer)
    const outputs = repository.outputs()
    expect([repository.builds(), readdirSync(join(service.root, 'nx')).length]).toEqual([4, 2])
    expect((await build(reader)).match(/\[remote cache\]/g)).toHaveLength(2)
    expect([repository.builds(), repository.outputs()]).toEqual([4, outputs])
  })
})
