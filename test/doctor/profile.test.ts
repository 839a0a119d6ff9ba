// What the doctor says of a profile: of files that are really there, and wrong in the ways that files are; compared with this machine as it is.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { checkProfile } from '../../services/doctor/checks/profile.ts'
import type { Finding } from '../../services/doctor/finding.ts'
import { readProfileFacts } from '../../services/doctor/profile.ts'
import { writeProfile } from '../../services/profile/file.ts'
import { takeFingerprint } from '../../services/profile/fingerprint.ts'
import type { Profile } from '../../services/profile/schema.ts'
import { runCommandIn } from '../cli/command.ts'
import { exampleProfile } from '../profile/example.ts'
import { temporaryFolder } from '../services/harness.ts'
import { examine, finding } from './examination.ts'

const folder = temporaryFolder()
afterAll(() => {
  folder.remove()
})

/** The path of a profile of its own. */
async function written(name: string, changes: Partial<Profile> = {}): Promise<string> {
  const path = join(folder.path, name)
  await writeProfile(path, exampleProfile(changes))
  return path
}

async function checked(path: string, asked = true): Promise<Finding> {
  const plan = { path: '/', rings: 'auto', poller: 'auto', buffersBytes: 0, addresses: [] } as const
  const start = { facts: {}, end: 'done', detail: '' } as const
  const [found] = await checkProfile({
    profile: await readProfileFacts(path),
    plan: { ...plan, profile: asked ? path : null },
    start,
  })
  return found!
}

const { layout, fingerprint } = exampleProfile()

describe('a profile', () => {
  it('of this machine is fine, and so is one that was made with data of the tuner’s own on a disk', async () => {
    const fingerprint = takeFingerprint(folder.path)
    expect(fingerprint.fileSystem).not.toBeNull()
    for (const path of [folder.path, null])
      expect(await checked(await written('here.json', { fingerprint, path }))).toMatchObject(
        finding('ok', /here\.json: poller caller, rings 2$/, /made on this machine, for random-read/, null),
      )
  })

  it('of another machine: each difference is named, with the command that makes it anew', async () => {
    const elsewhere = { fingerprint: { ...fingerprint, kernel: '3.2.0', cpus: 777 }, workload: 'mixed' as const }
    const path = await written("some one's.json", elsewhere)
    expect(await checked(path)).toMatchObject(
      finding('degraded', /poller caller/, /kernel: \S+ now, 3\.2\.0 when.*CPUs: \d+ now, 777 when/, /./),
    )
    const quoted = `'${path.replace("'", `'\\''`)}'`
    expect((await checked(path)).fix).toBe(`ringmaster tune --workload mixed --apply --profile ${quoted} --force`)
    expect((await checked(path, false)).why).toMatch(/Only who names it uses it: --profile$/)
  })

  it('of files that are gone says so, and the command does without them', async () => {
    const path = await written('gone.json', { path: '/no/such/file' })
    expect(await checked(path)).toMatchObject(
      finding('degraded', /./, /\/no\/such\/file is not there now/, /^ringmaster tune --apply/),
    )
  })

  it.each<[string, (path: string) => void, RegExp, RegExp]>([
    ['is not there', () => undefined, /cannot be read \(ENOENT/, /^ringmaster tune --apply --profile \S+$/],
    ['is a folder', (path) => mkdirSync(path), /is no file/, /^name the file/],
    [
      'is cut off',
      (path) => {
        writeFileSync(path, readFileSync(path, 'utf8').slice(0, 100))
      },
      /is no JSON/,
      /^ringmaster tune/,
    ],
    [
      'is of another version',
      (path) => {
        writeFileSync(path, readFileSync(path, 'utf8').replace('"version": 1', '"version": 2'))
      },
      /has version 2.*update Ringmaster/,
      /^ringmaster tune/,
    ],
    [
      'has a poller that there is not',
      (path) => {
        writeFileSync(path, readFileSync(path, 'utf8').replace('"caller"', '"none"'))
      },
      /is wrong at layout\.poller/,
      /^ringmaster tune/,
    ],
  ])('that %s is broken for who names it, and degraded otherwise', async (name, spoil, why, fix) => {
    const path = join(folder.path, name.replaceAll(' ', '-'))
    if (/cut|version|poller/.test(name)) await written(name.replaceAll(' ', '-'))
    spoil(path)
    expect(await checked(path)).toMatchObject(finding('broken', /not readable$/, why, fix))
    expect((await checked(path, false)).verdict).toBe('degraded')
  })
})

it('that is to be in a folder that is not there: the folder is made first', async () => {
  const path = join(folder.path, 'no such folder', 'profile.json')
  const { fix } = await checked(path)
  expect(fix).toBe(`mkdir -p '${join(folder.path, 'no such folder')}' && ringmaster tune --apply --profile '${path}'`)
})

describe('ringmaster doctor', () => {
  it('starts what a profile says that is named: one that this machine cannot have is degraded', async () => {
    const layoutElsewhere = { ...layout, poller: 'kernel' as const, rings: 1, sqThreadCpu: 8191 }
    const found = await examine([
      folder.path,
      '--profile',
      await written('impossible.json', { layout: layoutElsewhere }),
    ])
    expect(found.find('layout.profile')).toMatchObject(
      finding('degraded', /poller kernel, rings 1$/, /cannot be had here.*CPU that is not online/, /^ringmaster tune/),
    )
    const other = await examine([folder.path, '--profile', await written('possible.json')])
    expect(other.find('layout.start')).toMatchObject({
      need: 'as the profile says, poller auto',
      have: '2 with poller caller',
    })
  })

  it('finds the one that tune leaves in the current folder', async () => {
    await written('ringmaster-profile.json', { fingerprint: { ...fingerprint, cpus: 777 } })
    const ports = ['--listen', ':0', '--admin', ':0']
    const { code, stdout } = await runCommandIn(folder.path, 'doctor', '.', '--quiet', ...ports)
    expect(code).toBe(1)
    expect(stdout).toMatch(/^profile .* degraded$/m)
    expect(stdout).toContain(
      `fix: ringmaster tune --apply --profile ${join(folder.path, 'ringmaster-profile.json')} --force`,
    )
  })
})
