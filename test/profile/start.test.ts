// Rings that are started with a profile, by Ringmaster.start() and by `ringmaster serve`.
import { spawnSync } from 'node:child_process'
import { mkdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { writeProfile } from '../../services/profile/file.ts'
import type { ProfileEvent } from '../../services/profile/event.ts'
import { findProfile } from '../../services/profile/load.ts'
import type { Profile } from '../../services/profile/schema.ts'
import type { OwnRings } from '../../services/open-rings.ts'
import { Ringmaster } from '../../services/ringmaster.ts'
import type { RingmasterOptions } from '../../services/options.ts'
import { runCommand, startDaemon } from '../cli/command.ts'
import { startClient } from '../services/clients/client-thread.ts'
import { watchPools } from '../workers/open-ring.ts'
import { eventually, failure, temporaryFolder } from '../services/harness.ts'
import { exampleProfile } from './example.ts'

let folder: { path: string; remove: () => void }
beforeAll(() => {
  folder = temporaryFolder()
})
afterAll(() => {
  folder.remove()
})

/** The path of a profile of its own. */
async function written(name: string, changes: Partial<Profile> = {}): Promise<string> {
  const path = join(folder.path, `${name}.json`)
  await writeProfile(path, exampleProfile(changes))
  return path
}

/** Tracing may be forbidden where strace is installed. */
const canTrace = spawnSync('strace', ['-f', '-o', '/dev/null', 'true']).status === 0

const { layout, fingerprint } = exampleProfile()
const elsewhere = { fingerprint: { ...fingerprint, kernel: '3.2.0', cpus: 777 } }

interface Started {
  readonly poller: string
  readonly rings: number
  readonly choices: Record<string, string>
  readonly events: ProfileEvent[]
}

async function started(options: RingmasterOptions): Promise<Started> {
  const events: ProfileEvent[] = []
  await using rings = await Ringmaster.start({ onProfile: (event) => events.push(event), ...options })
  const { rings: each, placement } = rings.stats()
  expect(await rings.readFile('package.json', 'utf8')).toContain('ringmaster')
  const choices = Object.fromEntries(placement.choices.map(({ name, value, reason }) => [name, `${value}: ${reason}`]))
  return { poller: each[0]!.poller, rings: each.length, choices, events }
}

describe('Ringmaster.start()', () => {
  it('takes the layout of the profile, and says that it did', async () => {
    const profile = await written('plain')
    const { poller, rings, choices, events } = await started({ profile })
    expect([poller, rings]).toEqual(['caller', 2])
    expect(choices['poller']).toContain(`set by option profile: ${profile}`)
    expect(choices['rings']).toBe(`2: set by option profile: ${profile}`)
    expect(choices['sqThreadIdleMs']).not.toContain('profile')
    expect(events).toEqual([
      { state: 'loaded', path: profile, differences: [], message: `the profile ${profile} is used` },
    ])
  })

  it('takes what is said of SQ threads, of spinning and of kernel workers', async () => {
    const profile = await written('sq-threads', {
      layout: {
        ...layout,
        poller: 'kernel',
        rings: 2,
        sqThreads: 'shared',
        sqThreadIdleMs: 7,
        sqThreadCpu: 0,
        spinNs: 12_345,
        ioWorkersMax: 3,
      },
    })
    await using rings = await Ringmaster.start({ profile })
    const { placement, spinNs } = rings.stats()
    const values = Object.fromEntries(placement.choices.map(({ name, value }) => [name, value]))
    expect(values).toMatchObject({ poller: 'kernel', rings: 2, sqThreads: 'shared', sqThreadIdleMs: 7, pinCpus: '0' })
    expect(spinNs).toBe(12_345)
    for (const ring of [0, 1])
      expect(await rings.raw(ring).registrations.iowqMaxWorkers({})).toEqual({ bounded: 3, unbounded: 3 })
  })

  it('limits kernel workers also after a ring worker was replaced, and of a ring that was moved to another poller', async () => {
    const profile = await written('replaced', { layout: { ...layout, poller: 'worker', rings: 1, ioWorkersMax: 3 } })
    const killThreads = watchPools()
    await using rings = await Ringmaster.start({ profile })
    await killThreads()
    expect(await eventually(() => rings.stats().rings[0]!.workerRestarts > 0, 20_000)).toBe(true)
    expect(await rings.raw().registrations.iowqMaxWorkers({})).toEqual({ bounded: 3, unbounded: 3 })
    const open = Reflect.get(rings, 'rings') as OwnRings
    expect(await open.move(0, { value: 'kernel', reason: 'a test' }, () => null)).toBeNull()
    expect(await rings.raw().registrations.iowqMaxWorkers({})).toEqual({ bounded: 3, unbounded: 3 })
  })

  it.each(['kernel', 'worker', 'caller'] as const)('and of a thread that joins, poller %s', async (poller) => {
    const profile = await written(`joined-${poller}`, { layout: { ...layout, poller, rings: 1, ioWorkersMax: 3 } })
    await using rings = await Ringmaster.start({ profile })
    const joined = startClient(rings, 'return rings.raw().registrations.iowqMaxWorkers({})')
    expect(await joined.result()).toEqual({ bounded: 3, unbounded: 3 })
  })

  it('leaves those of a thread that joins without a profile to the kernel', async () => {
    await using rings = await Ringmaster.start({ poller: 'caller', rings: 1 })
    const joined = startClient(rings, 'return rings.raw().registrations.iowqMaxWorkers({})')
    expect(await joined.result()).not.toEqual({ bounded: 3, unbounded: 3 })
  })

  it('of a layout that was measured without pins pins nothing, also where CPUs are set aside', async () => {
    const profile = await written('unpinned', { layout: { ...layout, poller: 'worker', rings: 1, sqThreadCpu: null } })
    const { choices } = await started({ profile })
    expect(choices['pinCpus']).toBe(`none: set by option profile: ${profile}`)
    const byHand = await started({ profile, pinCpus: [0] })
    expect(byHand.choices['pinCpus']).toBe('0: set by option')
  })

  it.runIf(canTrace)('and of the ring that takes the place of a lost one', async () => {
    const profile = await written('lost', { layout: { ...layout, poller: 'kernel', rings: 1, ioWorkersMax: 3 } })
    const script = `
      import { setTimeout as sleep } from 'node:timers/promises'
      import { Ringmaster } from ${JSON.stringify(new URL('../../dist/services/index.js', import.meta.url).href)}
      const rings = await Ringmaster.start({ profile: ${JSON.stringify(profile)}, heartbeatTimeoutMs: 500 })
      while (rings.stats().rings[0].renewals === 0) await sleep(1)
      console.log(JSON.stringify(await rings.raw().registrations.iowqMaxWorkers({})))
      await rings.close()`
    const inject = ['-e', 'trace=io_uring_enter', '-e', 'inject=io_uring_enter:error=EOWNERDEAD:when=12']
    const args = ['-f', '-o', '/dev/null', ...inject, process.execPath, '--input-type=module', '-e', script]
    const { stdout, stderr } = spawnSync('strace', args, { encoding: 'utf8', timeout: 50_000 })
    expect(stderr).toBe('')
    expect(JSON.parse(stdout)).toEqual({ bounded: 3, unbounded: 3 })
  })

  it('of a poller without SQ threads wins over how they are to be shared, and says so', async () => {
    const { poller, rings, events } = await started({ profile: await written('unshared'), sqThreads: 'shared' })
    expect([poller, rings]).toEqual(['caller', 2])
    expect(events).toMatchObject([{ state: 'loaded' }])
    expect(events[0]!.message).toMatch(/poller caller has no SQ threads to share, so option sqThreads is not used/)
  })

  it('leaves what was said by hand, auto not being that', async () => {
    const profile = await written('by-hand', {
      layout: { ...layout, poller: 'kernel', sqThreadIdleMs: 7, sqThreadCpu: 0 },
    })
    const other = await started({ profile, poller: 'worker', rings: 1 })
    expect([other.poller, other.rings]).toEqual(['worker', 1])
    expect(other.choices['poller']).toBe('worker: set by option')
    expect(other.choices['sqThreadIdleMs']).not.toContain('7')
    const open = await started({ profile, poller: 'auto', rings: 'auto' })
    expect([open.poller, open.rings]).toEqual(['kernel', 2])
    const pinned = await started({ profile, pinCpus: [] })
    expect(pinned.choices['pinCpus']).toMatch(/^none/)
  })

  it('of another machine uses it all the same, and says what differs', async () => {
    const profile = await written('elsewhere', elsewhere)
    const { poller, rings, events } = await started({ profile })
    expect([poller, rings]).toEqual(['caller', 2])
    expect(events).toHaveLength(1)
    expect(events[0]).toMatchObject({ state: 'differs', path: profile })
    expect(events[0]!.differences).toHaveLength(2)
    expect(events[0]!.message).toMatch(/made on another machine.*kernel: \S+ now, 3\.2\.0 when.*777.*ringmaster tune/)
  })

  it('warns of it once, where nobody asked to be told', async () => {
    const profile = await written('warned', elsewhere)
    const warnings: string[] = []
    const listener = (warning: Error): void => {
      if (warning.name === 'RingmasterWarning') warnings.push(warning.message)
    }
    process.on('warning', listener)
    try {
      for (let time = 0; time < 2; time++) await (await Ringmaster.start({ profile })).close()
      await (await Ringmaster.start({ profile: await written('well') })).close()
      expect(await eventually(() => warnings.length > 0)).toBe(true)
      expect(warnings).toHaveLength(1)
      expect(warnings[0]).toContain(profile)
    } finally {
      process.off('warning', listener)
    }
  })

  it('does without it where this machine cannot have it, and says why', async () => {
    const profile = await written('impossible', {
      layout: { ...layout, poller: 'kernel', rings: 1, sqThreadCpu: 8191 },
    })
    const { choices, events } = await started({ profile })
    expect(choices['poller']).not.toContain('profile')
    expect(events).toMatchObject([{ state: 'impossible', path: profile }])
    expect(events[0]!.message).toMatch(/cannot be had here.*CPU that is not online/)
  })

  it('says what is wrong with the profile, and with the other options as ever', async () => {
    const missing = join(folder.path, 'missing.json')
    expect(await failure(Ringmaster.start({ profile: missing }))).toMatchObject({ code: 'ERR_RING_PROFILE' })
    const profile = await written('with-wrong-options')
    expect(await failure(Ringmaster.start({ profile, rings: 99 }))).toMatchObject({ code: 'ERR_OUT_OF_RANGE' })
    const error = await failure(Ringmaster.start({ profile, poller: 'caller', sqThreads: 'shared' }))
    expect(error).toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' })
  })

  it('looks for one only if asked to, and then in the places that are told', async () => {
    const profile = await written('configured')
    process.env['RINGMASTER_PROFILE'] = profile
    try {
      const without = await started({})
      expect(without.events).toEqual([])
      expect(without.choices['poller']).not.toContain('profile')
      const found = await started({ profile: 'auto' })
      expect(found.events).toMatchObject([{ state: 'loaded', path: profile }])
      // Who names one is told that it is not there: another one would be used unseen.
      process.env['RINGMASTER_PROFILE'] = join(folder.path, 'not-there.json')
      const error = await failure(Ringmaster.start({ profile: 'auto' }))
      expect(error).toMatchObject({ code: 'ERR_RING_PROFILE' })
    } finally {
      delete process.env['RINGMASTER_PROFILE']
    }
  })

  it.each(['', 'relative'])('looks below the home folder where XDG_CONFIG_HOME is %j', async (configured) => {
    const home = join(folder.path, `home-${configured}`)
    mkdirSync(join(home, '.config/ringmaster'), { recursive: true })
    const profile = join(home, '.config/ringmaster/profile.json')
    renameSync(await written(`for-home-${configured}`), profile)
    const before = { HOME: process.env['HOME'], XDG_CONFIG_HOME: process.env['XDG_CONFIG_HOME'] }
    Object.assign(process.env, { HOME: home, XDG_CONFIG_HOME: configured })
    try {
      expect(await findProfile('auto')).toBe(profile)
    } finally {
      for (const [name, value] of Object.entries(before))
        if (value === undefined) Reflect.deleteProperty(process.env, name)
        else process.env[name] = value
    }
  })
})

describe('ringmaster serve --profile', () => {
  it('serves with the layout, and logs whose it is', async () => {
    const profile = await written('served')
    await using daemon = await startDaemon(folder.path, ['--profile', profile])
    expect(daemon.stdout()).toContain(`ring 1: poller caller — set by option profile: ${profile}`)
    expect(await eventually(() => daemon.stderr().includes(`the profile ${profile} is used`))).toBe(true)
  })

  it('logs a warning where it is of another machine; options win over it', async () => {
    const profile = await written('served-elsewhere', elsewhere)
    await using daemon = await startDaemon(folder.path, ['--profile', profile, '--rings', '1'])
    expect(daemon.stdout()).not.toContain('ring 1:')
    expect(await eventually(() => daemon.stderr().includes('made on another machine'))).toBe(true)
    const lines = daemon.stderr().trimEnd().split('\n')
    const told = lines.map((line) => JSON.parse(line) as { level: number; state?: string })
    expect(told.filter(({ state }) => state === 'differs').map(({ level }) => level)).toEqual([40])
  })

  it('ends with what is wrong with it: wrong usage', async () => {
    const { code, stderr } = await runCommand('serve', folder.path, '--profile', join(folder.path, 'none.json'))
    expect(code).toBe(2)
    expect(stderr).toMatch(/^ringmaster: the profile .*none\.json cannot be read \(ENOENT/)
  })
})
