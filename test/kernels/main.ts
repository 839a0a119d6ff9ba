// The command that tries the package on Debian's stock kernels, each booted in qemu: `npm run test:kernels -- --help`.
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { Command } from 'commander'
import { packageRoot } from '../../services/measure/package-root.ts'
import { MissingError, kernelImage, unpackedPackage } from './debian.ts'
import { writeGuestRoot } from './guest-root.ts'
import type { CheckLine, Line } from './lines.ts'
import { formatOutcomes, passed } from './report.ts'
import type { Outcome } from './report.ts'
import { boot, consoleTail, kernelComplaints, requireQemu } from './virtual-machine.ts'

/** Kernels by what they are called here, and the packages that stand for the newest of each. */
const packages: Readonly<Record<string, string>> = {
  '6.1': 'linux-image-amd64',
  '6.12': 'linux-image-6.12-amd64',
}

const EXIT_FAILED = 1
const EXIT_MISSING = 2

interface Options {
  readonly cache: string
  readonly only?: string
  readonly minutes: string
  readonly verbose: boolean
}

const program: Command = new Command('test:kernels')
  .description("Boots Debian's stock kernels in qemu, without KVM and without root, and runs the smoke tests there.")
  .argument('[kernels...]', `which: ${Object.keys(packages).join(', ')}, or the path of an image; without any, all`)
  .option('--cache <dir>', 'where packages are kept', join(homedir(), '.cache', 'ringmaster-kernels'))
  .option('--only <area>', 'only the checks of areas whose names begin so')
  .option('--minutes <n>', 'how long one kernel may take', '40')
  .option('--verbose', 'a line for each check', false)
  .action(main)

await program.parseAsync()

async function main(names: string[], options: Options): Promise<void> {
  const kernels = names.length === 0 ? Object.keys(packages) : names
  const unknown = kernels.find((name) => packages[name] === undefined && !name.includes('/'))
  if (unknown !== undefined) program.error(`error: there is no kernel ${unknown}: ${Object.keys(packages).join(', ')}`)
  const minutes = Number(options.minutes)
  if (!(minutes > 0)) program.error('error: --minutes must be a number above 0')
  const interruption = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interruption.abort())
  const scratch = mkdtempSync(join(tmpdir(), 'ringmaster-kernels-'))
  try {
    requireQemu()
    mkdirSync(options.cache, { recursive: true })
    const busybox = join(await unpackedPackage('busybox-static', options.cache, './bin/busybox'), 'bin/busybox')
    const root = join(scratch, 'root.cpio')
    writeGuestRoot(root, packageRoot(), busybox)
    const outcomes: Outcome[] = []
    for (const kernel of kernels) {
      if (interruption.signal.aborted) break
      outcomes.push(await tryKernel(kernel, root, scratch, minutes * 60_000, options, interruption.signal))
    }
    console.log(formatOutcomes(outcomes))
    const all = outcomes.length === kernels.length && outcomes.every(passed)
    const checks = outcomes.flatMap((outcome) => outcome.checks)
    const failed = checks.filter(({ failure }) => failure !== null).length
    console.log(`\n${checks.length - failed} passed, ${failed} failed`)
    if (!all) process.exitCode = EXIT_FAILED
  } catch (error) {
    console.error(error instanceof MissingError ? error.message : error)
    process.exitCode = error instanceof MissingError ? EXIT_MISSING : EXIT_FAILED
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}

async function tryKernel(
  kernel: string,
  root: string,
  scratch: string,
  limitMs: number,
  options: Options,
  signal: AbortSignal,
): Promise<Outcome> {
  const startedMs = performance.now()
  const seconds = (): number => (performance.now() - startedMs) / 1000
  const say = (text: string): void => {
    process.stderr.write(`[${kernel} ${Math.round(seconds())} s] ${text}\n`)
  }
  const checks: CheckLine[] = []
  const notes: string[] = []
  let release: string | null = null
  let area = ''
  const onLine = (line: Line): void => {
    if (line.kind === 'started') {
      release = line.release
      say(`Linux ${line.release} is up, Node ${line.node} runs`)
    } else if (line.kind === 'note') {
      notes.push(line.text)
    } else if (line.kind === 'check') {
      checks.push(line)
      if (line.failure !== null || options.verbose)
        say(
          `${line.area}: ${line.name} (${line.seconds.toFixed(1)} s)${line.failure === null ? '' : `: ${line.failure}`}`,
        )
      else if (line.area !== area) say(line.area)
      area = line.area
    }
  }
  const consoleLog = join(scratch, `console-${basename(kernel)}.log`)
  let broken: string | null
  try {
    say('downloading')
    const image = kernel.includes('/') ? kernel : (await kernelImage(packages[kernel]!, options.cache)).image
    say('booting: a minute or more, there is no KVM')
    const args = options.only === undefined ? [] : [options.only]
    broken = await boot({ image, root, consoleLog, args, limitMs, silenceMsMax: 300_000, signal, onLine })
  } catch (error) {
    if (error instanceof MissingError) throw error
    broken = error instanceof Error ? error.message : String(error)
  }
  const logged = existsSync(consoleLog)
  if (broken !== null && logged) broken += `\n${consoleTail(consoleLog).join('\n')}`
  return {
    kernel,
    release,
    checks,
    notes,
    broken,
    complaints: logged ? kernelComplaints(consoleLog) : [],
    seconds: seconds(),
  }
}
