// Boots a kernel in qemu without KVM and hands on what the smoke tests say. Called by main.ts. Nothing is waited for without a limit, and
// qemu is ended by its own process id, whatever happens.
import { spawn, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { MissingError } from './debian.ts'
import { parseLine, statusOfFailures } from './lines.ts'
import type { Line } from './lines.ts'

const qemu = 'qemu-system-x86_64'

export interface Boot {
  readonly image: string
  readonly root: string
  /** Where the second serial port's output goes: the kernel's messages. */
  readonly consoleLog: string
  /** Arguments of the smoke tests. */
  readonly args: readonly string[]
  /** How long all of it may take. */
  readonly limitMs: number
  /** How long nothing may be heard. */
  readonly silenceMsMax: number
  readonly signal: AbortSignal
  readonly onLine: (line: Line) => void
}

/** Emulated: clocks that are read often must not be devices, and a CPU that others use is no lockup. */
const kernelOptions =
  'console=ttyS1,115200 loglevel=5 panic=-1 mitigations=off nokaslr tsc=reliable no_timer_check nowatchdog ' +
  'rcupdate.rcu_cpu_stall_suppress=1 random.trust_cpu=on rdinit=/init'

/** @throws MissingError */
export function requireQemu(): void {
  if (spawnSync(qemu, ['--version']).status === 0) return
  throw new MissingError(`${qemu} is missing: apt-get install --no-install-recommends qemu-system-x86`)
}

/** Runs until the machine is off. Gives why it ended before it should have; null where all was said. */
export async function boot(options: Boot): Promise<string | null> {
  const { image, root, consoleLog, args, limitMs, silenceMsMax, signal, onLine } = options
  const machine = spawn(
    qemu,
    [
      ...['-accel', 'tcg,thread=multi', '-cpu', 'Nehalem,+rdrand', '-smp', '2', '-m', '2048'],
      ...['-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot', '-net', 'none'],
      ...['-kernel', image, '-initrd', root, '-append', [kernelOptions, '--', ...args].join(' ')],
      ...['-serial', 'stdio', '-serial', `file:${consoleLog}`],
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  )
  let ended: string | null = 'the machine went off before the smoke tests were over'
  let complaints = ''
  const stop = (why: string): void => {
    ended = why
    machine.kill('SIGKILL')
  }
  const quiet = (): void => {
    stop(`nothing was heard for ${silenceMsMax / 1000} s`)
  }
  let silence = setTimeout(quiet, silenceMsMax)
  const limit = setTimeout(() => {
    stop(`it took longer than ${limitMs / 1000} s`)
  }, limitMs)
  const interrupted = (): void => {
    stop('interrupted')
  }
  signal.addEventListener('abort', interrupted, { once: true })
  machine.stderr.on('data', (chunk: Buffer) => {
    complaints += chunk.toString()
  })
  createInterface({ input: machine.stdout }).on('line', (text) => {
    clearTimeout(silence)
    silence = setTimeout(quiet, silenceMsMax)
    const line = parseLine(text.trim())
    if (line === null) return
    if (line.kind === 'end')
      ended = line.status === 0 || line.status === statusOfFailures ? null : `Node ended with status ${line.status}`
    onLine(line)
  })
  try {
    await new Promise<void>((resolve, reject) => {
      machine.on('error', reject)
      machine.on('close', () => {
        resolve()
      })
      if (signal.aborted) interrupted()
    })
  } finally {
    clearTimeout(silence)
    clearTimeout(limit)
    signal.removeEventListener('abort', interrupted)
    machine.kill('SIGKILL')
  }
  return ended === null || complaints === '' ? ended : `${ended}: ${complaints.trim()}`
}

/** What the kernel itself found wrong: lines of its log that speak of a bug, and what comes after the first. */
export function kernelComplaints(consoleLog: string): string[] {
  const lines = readFileSync(consoleLog, 'latin1').split(/\r?\n/)
  const first = lines.findIndex((line) => /BUG:|WARNING:|Oops|Kernel panic|general protection|UBSAN|KASAN/.test(line))
  return first < 0 ? [] : lines.slice(first, first + 40)
}

/** The last lines of the kernel's log. */
export function consoleTail(consoleLog: string): string[] {
  return readFileSync(consoleLog, 'latin1').trimEnd().split(/\r?\n/).slice(-25)
}
