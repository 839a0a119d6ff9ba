// `ringmaster tune`: the command with simulated machines, from its options to its exit code and what it leaves; and the compiled one, used wrongly.
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { execFileSync, spawn } from 'node:child_process'
import { availableParallelism, release } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setImmediate } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { runTune } from '../../services/cli/tune.ts'
import type { TuneCommandOptions, TuneWorld } from '../../services/cli/tune-options.ts'
import { readProfile } from '../../services/profile/file.ts'
import { sparkline } from '../../services/tune/report/live.ts'
import type { TuneReport } from '../../services/tune/report/model.ts'
import type { TunePlan } from '../../services/tune/report/plan.ts'
import type { Tuned } from '../../services/tune/tune.ts'
import type { Subject } from '../../services/tune/types.ts'
import { contentsOf, fillFolder } from '../measure/harness.ts'
import { compileC, hasCompiler, seccompFilterSource } from '../native/support/c-program.ts'
import { eventually, temporaryFolder } from '../services/harness.ts'
import { machineNamed, simulatedWorld } from '../tune/report-world.ts'
import { ordinary, quiet } from '../tune/simulated-machine.ts'
import { exitCode, runCommand, spawnCommand } from './command.ts'

const usual: TuneCommandOptions = {
  workload: 'random-read',
  budgetSeconds: 300,
  seed: 1,
  dataDir: '.',
  dataMib: 256,
  profile: 'unused',
}
const fast = {
  machine: machineNamed('16 CPUs, fast disk'),
  workload: 'random-read',
  disturbance: ordinary,
  seed: 1,
} as const
const noisy = {
  ...fast,
  machine: machineNamed('1 CPU, cached'),
  disturbance: { ...quiet, deviation: 0.01, otherShare: 0.33 },
}

/** A command before which io_uring_setup(2) is denied, as in a container. */
function deniesRings(): { readonly wrapper: readonly string[] } & Disposable {
  const filter = compileC(seccompFilterSource)
  return {
    wrapper: [filter.file, 'errno', '1'],
    [Symbol.dispose]: () => {
      filter.remove()
    },
  }
}

let folder: ReturnType<typeof temporaryFolder>
beforeEach(() => {
  folder = temporaryFolder()
})
afterEach(() => {
  vi.unstubAllEnvs()
  folder.remove()
})

describe('a run', () => {
  it('prints three blocks, writes the page, removes its data and ends with 0', async () => {
    const html = join(folder.path, 'report.html')
    const world = simulatedWorld(fast)
    expect(await runTune(null, { ...usual, html, dataDir: folder.path }, world)).toBe(0)
    expect(world.out).toMatch(/THE MACHINE'S LIMITS[^]*THE CHOICE[^]*NOT CHOSEN, BECAUSE/)
    expect(world.out).not.toContain('\u001b')
    expect(world.closed).toBe(1)
    expect(readdirSync(folder.path)).toEqual(['report.html'])
    expect(readFileSync(html, 'utf8')).toContain('Content-Security-Policy')
    expect(world.err).toContain(`report written to ${html}`)
  })

  it('keeps the budget, limits and all', async () => {
    const world = simulatedWorld(fast)
    await runTune(null, { ...usual, json: true, budgetSeconds: 120 }, world)
    const report = JSON.parse(world.out) as TuneReport
    expect(report.seconds).toBeLessThanOrEqual(125)
    expect(report.limits?.runs).toBe(1)
  })

  it('--json is the same run as the text', async () => {
    const [words, json] = [simulatedWorld(fast), simulatedWorld(fast)]
    await runTune(null, usual, words)
    await runTune(null, { ...usual, json: true }, json)
    const { search } = JSON.parse(json.out) as TuneReport
    expect(words.out.replace(/\s+/g, ' ')).toContain(search!.outcome.why)
    expect(words.out).toContain(`${search!.legs} legs`)
  })

  it('that refuses ends with 3', async () => {
    const world = simulatedWorld(noisy)
    expect(
      await runTune(null, { ...usual, quiet: true, knobs: ['clients', 'buffers', 'files', 'spinNs'] }, world),
    ).toBe(3)
    expect(world.out).toMatch(/^Not decided, nothing is changed: .*other processes took .*\n$/)
    expect(world.err).toBe('')
  })

  it('--quiet is one line', async () => {
    const world = simulatedWorld({ ...fast, disturbance: quiet })
    expect(await runTune(null, { ...usual, quiet: true }, world)).toBe(0)
    expect(world.out).toMatch(/^Change it: .*\n$/)
    expect(world.err).toBe('')
  })

  it('is as told by --knobs, --p99-ms and --seed', async () => {
    const world = simulatedWorld(fast)
    await runTune(null, { ...usual, json: true, knobs: ['depth'], p99Ms: 3, seed: 7 }, world)
    const { search, seed } = JSON.parse(world.out) as TuneReport
    expect([search?.p99NsMax, seed]).toEqual([3e6, 7])
    expect(new Set(search!.tried.map(({ layout }) => layout.poller)).size).toBe(1)
    expect(search!.notChosen.every(({ knob }) => knob === 'depth')).toBe(true)
    const any = simulatedWorld(fast)
    await runTune(null, { ...usual, json: true, p99Ms: 'any', budgetSeconds: 30 }, any)
    expect((JSON.parse(any.out) as TuneReport).search?.p99NsMax).toBeNull()
  })

  it('stopped by SIGINT says what is known, removes its data and ends with 130', async () => {
    const world = simulatedWorld(fast)
    const slow: TuneWorld = {
      ...world,
      open: async (...given) => {
        const tuned = await world.open(...given)
        let legs = 0
        const measure: Subject['measure'] = async (layout, seconds, signal) => {
          if (++legs === 30) process.kill(process.pid, 'SIGINT')
          // Signals are seen between turns of the event loop.
          await setImmediate()
          return tuned.subject.measure(layout, seconds, signal)
        }
        return { ...tuned, subject: { measure } }
      },
    }
    expect(await runTune(null, { ...usual, budgetSeconds: 3000 }, slow)).toBe(130)
    expect(world.closed).toBe(1)
    expect(world.out).toMatch(/legs in .*, stopped; seed 1/)
    expect(process.listenerCount('SIGINT')).toBe(0)
  })
})

describe('--apply', () => {
  const profileIn = (): string => join(folder.path, 'profile.json')

  it('writes a profile that start() reads: the layout that was chosen', async () => {
    const world = simulatedWorld(fast)
    await runTune(null, { ...usual, apply: true, profile: profileIn(), json: true }, world)
    const { layout, limits, gain } = await readProfile(profileIn())
    const { search, limits: measured } = JSON.parse(world.out) as TuneReport
    expect(search?.outcome.kind).toBe('chosen')
    expect(layout).toEqual(search?.used)
    expect(gain?.work).toEqual(search?.change?.work)
    expect(limits.map(({ name, value }) => [name, value])).toEqual(
      measured?.figures.map(({ name, value }) => [name, value]),
    )
    expect(world.err).toContain(`profile written to ${profileIn()}`)
  })

  it.each([2, 5, 12, 30])('of a search of %i seconds can be written and read', async (budgetSeconds) => {
    const options = { ...usual, apply: true, profile: profileIn(), budgetSeconds, quiet: true }
    const code = await runTune(null, options, simulatedWorld(fast))
    expect([0, 3]).toContain(code)
    expect(readdirSync(folder.path)).toEqual(code === 0 ? ['profile.json'] : [])
    if (code === 0) expect((await readProfile(profileIn())).kind).toBe('ringmaster-profile')
  })

  it('writes none where nothing was decided', async () => {
    const world = simulatedWorld(noisy)
    const options = {
      ...usual,
      apply: true,
      profile: profileIn(),
      knobs: ['clients', 'buffers', 'files', 'spinNs'] as const,
    }
    expect(await runTune(null, options, world)).toBe(3)
    expect(readdirSync(folder.path)).toEqual([])
    expect(world.err).toContain('no profile is written')
  })

  it('replaces the profile of another machine only with --force, and says so before anything is measured', async () => {
    const options = { ...usual, apply: true, profile: profileIn() }
    // The simulated machine is another one than this.
    await runTune(null, options, simulatedWorld(fast))
    const before = readFileSync(profileIn(), 'utf8')
    const world = simulatedWorld(fast)
    await expect(runTune(null, { ...options, seed: 2 }, world)).rejects.toThrow(
      /made on another machine \(.*kernel.*--force/,
    )
    expect([world.closed, readFileSync(profileIn(), 'utf8')]).toEqual([0, before])
    await runTune(null, { ...options, seed: 2, force: true }, world)
    expect(readFileSync(profileIn(), 'utf8')).not.toBe(before)
  })

  it('replaces a file that is no profile only with --force', async () => {
    writeFileSync(profileIn(), 'mine')
    const options = { ...usual, apply: true, profile: profileIn() }
    await expect(runTune(null, options, simulatedWorld(fast))).rejects.toThrow(/is no JSON.*--force/)
    expect(readFileSync(profileIn(), 'utf8')).toBe('mine')
  })
})

describe('progress', () => {
  it('is a plain line for each step where there is no terminal', async () => {
    const world = simulatedWorld(fast)
    await runTune(null, usual, world)
    const lines = world.err.trimEnd().split('\n')
    expect(world.err).not.toContain('\r')
    expect(world.err).not.toContain('\u001b')
    for (const phase of ['limits', 'calibration', 'screening', 'descent', 'confirmation'])
      expect(
        lines.some((line) => line.startsWith(`${phase}: `)),
        phase,
      ).toBe(true)
    expect(lines.every((line) => / legs? so far, .* left$/.test(line))).toBe(true)
  })

  it('is one line for each step, redrawn, on a terminal', async () => {
    vi.stubEnv('TERM', 'xterm')
    const world = simulatedWorld(fast, { isTTY: true, columns: 100 })
    await runTune(null, usual, world)
    const lines = world.err.split('\n')
    const last = lines.map((line) => line.split('\r\u001b[K').at(-1) ?? '')
    for (const line of last) expect(line.length, line).toBeLessThan(100)
    expect(last.filter((line) => line.startsWith('screening')).length).toBe(1)
    expect(last.find((line) => line.startsWith('screening'))).toMatch(/[▁▂▃▄▅▆▇█]{3,} \d+ legs$/)
    expect(lines.join('')).toMatch(/\d+ legs, .* left/)
  })

  it('is plain lines on a terminal that cannot write one anew', async () => {
    vi.stubEnv('TERM', 'dumb')
    const world = simulatedWorld(fast, { isTTY: true, columns: 100 })
    await runTune(null, usual, world)
    expect(world.err).toMatch(/^limits: /)
    expect(world.err).not.toContain('\r')
    expect(world.err).not.toContain('\u001b')
  })

  it('--verbose has a line for each leg', async () => {
    const world = simulatedWorld(fast)
    await runTune(null, { ...usual, verbose: true, budgetSeconds: 60 }, world)
    expect(world.err.match(/^ {2}[\d.]+ k?M?\/s, p99 /gm)?.length).toBeGreaterThan(20)
  })

  it('draws work as bars', () => {
    expect(sparkline([0, 1, 4, 8])).toBe('▁▂▅█')
  })
})

describe('--dry-run', () => {
  it('says what would be measured and measures nothing', async () => {
    const world = simulatedWorld(fast)
    expect(await runTune(null, { ...usual, dryRun: true, knobs: ['poller', 'depth'] }, world)).toBe(0)
    expect(world.closed).toBe(0)
    expect(world.out).toContain('Nothing was measured')
    expect(world.out).toContain('kernel (SQPOLL), worker, caller, threadpool')
    const json = simulatedWorld(fast)
    await runTune(null, { ...usual, dryRun: true, json: true }, json)
    const plan = JSON.parse(json.out) as TunePlan
    expect(plan.limits.runs * plan.limits.secondsEach + plan.mapSeconds + plan.searchSeconds).toBeCloseTo(300)
    expect(plan.knobs.find(({ name }) => name === 'rings')?.values).toEqual([1, 2, 4, 8, 16])
  })

  it('is told of this machine by the compiled command', async () => {
    fillFolder(folder.path)
    const { code, stdout, stderr } = await runCommand('tune', folder.path, '--dry-run', '--json')
    expect(code, stderr).toBe(0)
    const plan = JSON.parse(stdout) as TunePlan
    expect([plan.format, plan.data]).toEqual(['ringmaster-tune-plan', expect.stringContaining('small files')])
  })

  it('looks at PATH as a run does', async () => {
    const at = (name: string): string => join(folder.path, name)
    writeFileSync(at('empty'), '')
    execFileSync('mkfifo', [at('fifo')])
    const paths = [at('empty'), at('fifo'), '/dev/null', folder.path]
    for (const path of paths) {
      const plan = await runCommand('tune', path, '--dry-run')
      const run = await runCommand('tune', path, '--budget-seconds', '2')
      expect([plan.code, plan.stdout], path).toEqual([1, ''])
      expect(run).toEqual(plan)
      expect(plan.stderr).toMatch(
        /^ringmaster: .*(neither a file nor a folder|there are no files with content|is empty)/,
      )
    }
  })

  it('says what cannot be had where io_uring is denied; a run says so in one line and measures threads', async () => {
    const denied = simulatedWorld({ ...fast, denied: { kernel: 'no', worker: 'no', caller: 'no' } })
    expect(await runTune(null, { ...usual, dryRun: true }, denied)).toBe(0)
    expect(denied.out).toContain('impossible: kernel (SQPOLL), worker, caller: no\n')
    expect(denied.err).toBe('')
    expect([0, 3]).toContain(await runTune(null, { ...usual, budgetSeconds: 60 }, denied))
    expect(denied.err.split('\n').filter((line) => line.startsWith('warning: '))).toEqual([
      'warning: io_uring cannot be used here: no. Only the poller threadpool, system calls on threads, is tuned',
    ])
    await expect(runTune(null, { ...usual, knobs: ['poller', 'spinNs'] }, denied)).rejects.toThrow(
      /^nothing is left to turn here: poller: .*spinNs: poller threadpool does without io_uring.*Name other --knobs/,
    )
  })
})

describe.runIf(hasCompiler)('under a seccomp filter over io_uring_setup', () => {
  it('measures what is left, and says what denies the rest', async () => {
    using filter = deniesRings()
    fillFolder(folder.path)
    const options = ['tune', folder.path, '--budget-seconds', '2', '--knobs', 'poller,depth', '--json']
    const child = spawnCommand(options, {}, filter.wrapper)
    const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)])
    expect([0, 3], err).toContain(await exitCode(child))
    expect(err).toMatch(/^warning: io_uring cannot be used here: a seccomp filter denies it \(EPERM\)/)
    const { search } = JSON.parse(out) as TuneReport
    expect(new Set(search?.tried.map(({ layout }) => layout.poller))).toEqual(new Set(['threadpool']))
  })
})

describe('limits that take too long', () => {
  afterEach(() => {
    vi.useRealTimers()
  })

  it('are given up after 30 % of the time, and the search goes on without them', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const world = simulatedWorld(fast)
    const endless: TuneWorld = {
      ...world,
      open: async (...opening) => {
        const measureLimits: Tuned['measureLimits'] = (_seconds, _onProgress, signal) =>
          new Promise((_resolve, reject) => {
            signal.addEventListener('abort', () => {
              reject(new Error('stopped'))
            })
            vi.advanceTimersByTime(29_000)
            expect(signal.aborted).toBe(false)
            vi.advanceTimersByTime(1_001)
          })
        return { ...(await world.open(...opening)), measureLimits }
      },
    }
    expect(await runTune(null, { ...usual, json: true, budgetSeconds: 100 }, endless)).toBe(0)
    const { limits, limitsMissing, search } = JSON.parse(world.out) as TuneReport
    expect(limits).toBeNull()
    expect(limitsMissing).toContain('it takes more than 30 % of the time')
    expect(search?.outcome.kind).toBe('chosen')
  })
})

describe('on this machine', () => {
  it('refuses while others take much of it, and names them', async () => {
    fillFolder(folder.path)
    const busy = Array.from({ length: availableParallelism() }, () =>
      spawn(process.execPath, ['-e', 'for (;;) ;'], { stdio: 'ignore' }),
    )
    try {
      const { code, stdout, stderr } = await runCommand('tune', folder.path, '--budget-seconds', '3', '--quiet')
      expect([code, stderr]).toEqual([3, ''])
      expect(stdout).toMatch(/other processes took \d+ % of the CPU time/)
    } finally {
      for (const each of busy) each.kill('SIGKILL')
    }
  })

  it('measures a folder of the user’s, which stays as it is', async () => {
    fillFolder(folder.path)
    const before = contentsOf(folder.path)
    const { code, stdout, stderr } = await runCommand(
      'tune',
      folder.path,
      '--budget-seconds',
      '6',
      '--knobs',
      'depth',
      '--json',
    )
    // What is decided depends on who else is here.
    expect([0, 3], stderr).toContain(code)
    const { search, machine, limitsMissing } = JSON.parse(stdout) as TuneReport
    expect(search?.legsRun.length).toBe(search?.legs)
    expect(search?.before.workPerSecond.value).toBeGreaterThan(0)
    expect(search?.before.p99Ns.value).toBeGreaterThan(0)
    expect(machine.kernel).toBe(release())
    expect(limitsMissing).toContain('--budget-seconds 20')
    expect(contentsOf(folder.path)).toEqual(before)
  })

  it('has a layout for HTTP, which serves a folder as the daemon does', async () => {
    fillFolder(folder.path)
    const before = contentsOf(folder.path)
    const options = ['--workload', 'http', '--budget-seconds', '2', '--knobs', 'depth', '--json']
    const { code, stdout, stderr } = await runCommand('tune', folder.path, ...options)
    expect([0, 3], stderr).toContain(code)
    const { search, data } = JSON.parse(stdout) as TuneReport
    expect(data).toMatch(/; 20 of these files served over loopback as by ringmaster serve/)
    expect(search?.before.workPerSecond.value).toBeGreaterThan(0)
    expect(contentsOf(folder.path)).toEqual(before)
  })

  it('takes away what it made when it is stopped', async () => {
    const child = spawnCommand(['tune', '--data-dir', folder.path, '--data-mib', '8', '--budget-seconds', '60'])
    const [out, err] = [text(child.stdout), text(child.stderr)]
    expect(await eventually(() => readdirSync(folder.path).length > 0)).toBe(true)
    child.kill('SIGINT')
    expect(await exitCode(child), await err).toBe(130)
    expect(await out).toMatch(/, stopped; seed 1|^$/)
    expect(readdirSync(folder.path)).toEqual([])
  })
})

describe('used wrongly', () => {
  it.each<[string[], RegExp]>([
    [['--workload', 'magic'], /'magic' is invalid.*random-read/],
    [['--knobs', 'poller,magic'], /There is no magic; there are poller/],
    [['--budget-seconds', '0'], /--budget-seconds.*from 2 to 86400/],
    [['--budget-seconds', 'long'], /--budget-seconds/],
    [['--p99-ms', '-1'], /--p99-ms/],
    [['--p99-ms', '0'], /--p99-ms/],
    [['--seed', '1.5'], /--seed.*whole number/],
    [['--data-mib', '1'], /--data-mib/],
    [['--workload', 'recorded'], /needs --from FILE: make one.*ringmaster trace --format replay/],
    [['--workload', 'http', '--from', 'x.json'], /--from is for --workload recorded, and this is http/],
    [['--workload', 'http', '--direct'], /reads through the page cache.*leave out --direct/],
    [['--quiet', '--verbose'], /cannot be used with/],
    [['--profile', 'p.json'], /--profile FILE is where --apply writes.*add --apply, or leave out --profile/],
    [['--force'], /--force is for --apply: add --apply/],
    [['--quick', '--budget-seconds', '60'], /--quick is --budget-seconds 30: leave out one of the two/],
    [['--no-such-option'], /unknown option[^]*tune --help/],
    [['a', 'b'], /too many arguments/],
  ])('%j is 2', async (args, says) => {
    const { code, stdout, stderr } = await runCommand('tune', ...args)
    expect(stderr).toMatch(says)
    expect([code, stdout]).toEqual([2, ''])
  })

  it.each<[string[], RegExp]>([
    [['/no/such/file'], /cannot read \/no\/such\/file; name a file or folder.*ENOENT/],
    [
      ['--workload', 'recorded', '--from', '/no/such/file'],
      /cannot read \/no\/such\/file: ENOENT.*trace --format replay/,
    ],
    [['--workload', 'recorded', '--from', '/proc/version'], /\/proc\/version is no recording: it is no JSON/],
    [['--data-dir', '/no/such/folder'], /cannot make data in \/no\/such\/folder; choose another folder/],
    [['--apply', '--profile', '/no/such/folder/p.json'], /cannot write \/no\/such\/folder\/p.json.*--profile/],
    [['--html', '/no/such/folder/report.html'], /cannot write \/no\/such\/folder\/report.html; choose another file/],
    [['--html', '/'], /cannot write \/; name a file: it is a folder/],
    [['package.json', '--html', './package.json'], /cannot write .\/package.json; .*it is what is read/],
    [['--data-dir', '/proc/version'], /cannot make data in \/proc\/version; choose another folder.*ENOTDIR/],
  ])('%j is 1, before anything is measured', async (args, says) => {
    const { code, stdout, stderr } = await runCommand('tune', ...args)
    expect(stderr).toMatch(says)
    expect(stderr).not.toContain('    at ')
    expect([code, stdout]).toEqual([1, ''])
  })
})

it('--help has examples and exit codes', async () => {
  const { stdout } = await runCommand('tune', '--help')
  expect(stdout).toMatch(/Examples:[^]*Exit codes:[^]*3 +refused/)
})
