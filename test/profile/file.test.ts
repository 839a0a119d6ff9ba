// The profile's file: written whole or not at all, and what is wrong with one is said with what to do.
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, readdirSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readProfile, writeProfile } from '../../services/profile/file.ts'
import { profileOf } from '../../services/profile/make.ts'
import { search } from '../../services/tune/search.ts'
import type { SearchResult } from '../../services/tune/search.ts'
import { machines, presentLayout } from '../tune/machines.ts'
import { SimulatedMachine, facts, ordinary } from '../tune/simulated-machine.ts'
import type { Disturbance } from '../tune/simulated-machine.ts'
import { failure, fieldOf, temporaryFolder } from '../services/harness.ts'
import { exampleProfile } from './example.ts'

let folder: { path: string; remove: () => void }
let path: string
beforeEach(() => {
  folder = temporaryFolder()
  path = join(folder.path, 'profile.json')
})
afterEach(() => {
  folder.remove()
})

describe('what is said of a profile', () => {
  it.each([
    ['its version', { kind: 'ringmaster-profile', version: '\u001b[2J\u001b]0;x\u0007' }],
    ['a field that nobody knows', { ...exampleProfile(), '\u001b[31m\u202e': 1 }],
  ])('has no control characters of %s', async (_, content) => {
    writeFileSync(path, JSON.stringify(content))
    const message = await readProfile(path).catch((error: unknown) => String(error))
    expect(message).toContain(String.raw`\x1b`)
    expect(message).not.toMatch(/[\p{Cc}\p{Cf}]/u)
  })
})

describe('writing', () => {
  it('gives a file that reads as what was written, for people too, and leaves nothing else', async () => {
    const profile = exampleProfile()
    await writeProfile(path, profile)
    expect(await readProfile(path)).toEqual(profile)
    expect(readFileSync(path, 'utf8')).toMatch(/^\{\n {2}"kind": "ringmaster-profile",\n/)
    expect(readdirSync(folder.path)).toEqual(['profile.json'])
  })

  it('replaces an old one at once: whoever has it open goes on with the old one', async () => {
    await writeProfile(path, exampleProfile({ why: 'old' }))
    const inode = (): string => execFileSync('stat', ['-c', '%i', path], { encoding: 'utf8' })
    const before = inode()
    await writeProfile(path, exampleProfile({ why: 'new' }))
    expect((await readProfile(path)).why).toBe('new')
    expect(inode()).not.toBe(before)
  })

  it('that fails leaves the old one, and nothing beside it', async () => {
    await writeProfile(path, exampleProfile({ why: 'old' }))
    await expect(writeProfile(path, { ...exampleProfile(), why: 'x'.repeat(5000) })).rejects.toThrow()
    const inside = join(folder.path, 'folder')
    mkdirSync(join(inside, 'full'), { recursive: true })
    expect(await failure(writeProfile(inside, exampleProfile()))).toMatchObject({ syscall: 'rename' })
    expect((await readProfile(path)).why).toBe('old')
    expect(readdirSync(folder.path).sort()).toEqual(['folder', 'profile.json'])
  })

  it('into a folder that is not there says so', async () => {
    expect(await failure(writeProfile(join(folder.path, 'no/p.json'), exampleProfile()))).toMatchObject({
      code: 'ENOENT',
    })
  })
})

/** What is said of a profile that is refused. */
async function refusal(of: string): Promise<string> {
  const error: unknown = await readProfile(of).catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({ code: 'ERR_RING_PROFILE' })
  const message = String(fieldOf(error, 'message'))
  expect(message).toContain(of)
  return message
}

describe('reading', () => {
  const messageOf = async (content: string | Buffer): Promise<string> => {
    writeFileSync(path, content)
    return refusal(path)
  }
  const changed = (change: (profile: Record<string, unknown>) => void): string => {
    const profile = JSON.parse(JSON.stringify(exampleProfile())) as Record<string, unknown>
    change(profile)
    return JSON.stringify(profile)
  }

  it.each([
    ['nothing', '', /is no JSON .*ringmaster tune/],
    ['half of one', JSON.stringify(exampleProfile()).slice(0, 300), /is no JSON/],
    ['JSON of something else', '{"name":"ringmaster"}', /is not one: "kind"/],
    ['null', 'null', /is not one/],
    ['an array', '[]', /is not one/],
  ])('%s is refused', async (_, content, says) => {
    expect(await messageOf(content)).toMatch(says)
  })

  it('one of a newer Ringmaster, or of an older one, is refused with what to do', async () => {
    expect(await messageOf(changed((profile) => (profile['version'] = 2)))).toMatch(/version 2.*update Ringmaster/)
    expect(await messageOf(changed((profile) => (profile['version'] = 0)))).toMatch(/version 0.*written again/)
  })

  it('a value that cannot be is refused, and named', async () => {
    const withLayout = (values: object): string =>
      changed((profile) => Object.assign(profile['layout'] as object, values))
    expect(await messageOf(withLayout({ rings: 65 }))).toMatch(/wrong at layout\.rings/)
    expect(await messageOf(withLayout({ poller: 'magic' }))).toMatch(/wrong at layout\.poller/)
    expect(await messageOf(withLayout({ sqThreadIdleMs: 0.5 }))).toMatch(/wrong at layout\.sqThreadIdleMs/)
    expect(await messageOf(withLayout({ extra: 1 }))).toMatch(/wrong at layout .*extra/)
    expect(await messageOf(changed((profile) => delete profile['fingerprint']))).toMatch(/wrong at fingerprint/)
  })

  it('what is no file, too large or not there is refused at once', async () => {
    expect(await refusal(folder.path)).toMatch(/is no file/)
    execFileSync('mkfifo', [path])
    expect(await refusal(path)).toMatch(/is no file/)
    const large = join(folder.path, 'large')
    writeFileSync(large, '')
    truncateSync(large, 2 ** 40)
    expect(await refusal(large)).toMatch(/bytes, more than/)
    expect(await refusal(join(folder.path, 'no'))).toMatch(/cannot be read \(ENOENT/)
  })
})

describe('made of a search', () => {
  const found = (seed: number, disturbance: Disturbance = ordinary, signal?: AbortSignal): Promise<SearchResult> => {
    const machine = machines.find(({ name }) => name === '4 CPUs, cached')!
    const workload = 'random-read'
    const subject = new SimulatedMachine(machine, workload, disturbance, seed)
    const { now } = subject
    const current = presentLayout(machine)
    const base = { subject, machine: facts(machine), workload, current, budgetSeconds: 120, seed, now } as const
    return search(signal === undefined ? base : { ...base, signal })
  }
  const { fingerprint } = exampleProfile()
  const parts = { fingerprint, workload: 'random-read', path: '/srv/data', limits: [] } as const

  it('has the layout that was chosen, what it gains, why, and the best of the others', async () => {
    const result = await found(1)
    const profile = profileOf(result, parts)!
    expect(result.outcome.kind).toBe('chosen')
    expect(profile).toMatchObject({ layout: result.leader, before: result.current, path: '/srv/data' })
    expect(profile.gain!.work.low).toBeGreaterThan(1)
    expect(profile.runnersUp.length).toBeGreaterThan(5)
    await writeProfile(path, profile)
    expect(await readProfile(path)).toEqual(profile)
  })

  it('of a search too short for intervals can be written: what is not known is null', async () => {
    const result = await found(1)
    const tried = result.tried.map((each) => {
      const unknown = (estimate: typeof each.against): typeof each.against =>
        estimate && { ...estimate, low: NaN, high: Infinity }
      return { ...each, against: unknown(each.against), cpuAgainst: unknown(each.cpuAgainst) }
    })
    const profile = profileOf({ ...result, tried }, parts)!
    expect(profile.runnersUp.length).toBeGreaterThan(5)
    expect(profile.runnersUp.every(({ work, cpu }) => work === null && cpu === null)).toBe(true)
    await writeProfile(path, profile)
    expect(await readProfile(path)).toEqual(profile)
  })

  it('is none where the search refused or was stopped: what is not known is not written down', async () => {
    const stormy = await found(1, { ...ordinary, deviation: 0.01, otherShare: 0.95 })
    expect(stormy.outcome.kind).toBe('refused')
    expect(profileOf(stormy, parts)).toBeNull()
    expect(profileOf({ ...(await found(1)), stopped: 'aborted' }, parts)).toBeNull()
  })
})
