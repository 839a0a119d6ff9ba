// The proof of the tuner on real rings, for people, on a machine that has nothing else to do: `npm run proof:real -- --help`.
import { resolve } from 'node:path'
import { duration } from '../../../services/tune/report/words.ts'
import { inspectMachine, openMachine } from '../../../services/tune/real-machine.ts'
import type { MachineRequest } from '../../../services/tune/real-machine.ts'
import { planProof, prove } from './proof.ts'
import type { ProofRun } from './proof.ts'
import { proofCommand } from './options.ts'
import type { ProofOptions } from './options.ts'
import { planLines, proofTable, verdictLines, verdictOf } from './words.ts'

const interruptedCode = 130
const { stdout, stderr } = process
const now = (): number => performance.now() / 1000

async function run(options: ProofOptions): Promise<number> {
  const request: MachineRequest = {
    path: null,
    dataFolder: resolve(options.dataDir),
    dataBytes: options.dataMib * 2 ** 20,
    workload: options.workload,
    cache: options.direct === true ? 'direct' : 'cached',
  }
  const inspected = await inspectMachine(request)
  const plan = await planProof(inspected, options)
  stderr.write(planLines(plan))
  if (options.dryRun === true) return 0
  const interrupt = new AbortController()
  process.once('SIGINT', () => {
    interrupt.abort()
  })
  const { signal } = interrupt
  try {
    const machine = await openMachine(request, signal, () => undefined)
    try {
      const proof = await prove(inspected, machine.subject, options, progress(signal))
      const verdict = verdictOf(proof.trials, proof.sweepSeconds)
      const whole = { format: 'ringmaster-tune-proof', version: 1, fingerprint: inspected.fingerprint, options }
      if (options.json === true) stdout.write(`${JSON.stringify({ ...whole, ...proof, verdict }, null, 2)}\n`)
      else stdout.write(proofTable(proof.trials, proof.best, proof.sweepSeconds) + verdictLines(proof.trials, verdict))
      return verdict.isProven ? 0 : 1
    } finally {
      await machine.close()
    }
  } catch (error) {
    if (signal.aborted) {
      const kept = options.sweep === undefined ? 'without --sweep FILE nothing is kept' : `kept in ${options.sweep}`
      stderr.write(`\ninterrupted; ${kept}\n`)
      return interruptedCode
    }
    stderr.write(`\n${error instanceof Error ? error.message : String(error)}\n`)
    return 1
  }
}

const cells = 20

/** On a terminal a line that changes; else a line for each part that is over. */
function progress(signal: AbortSignal): ProofRun {
  const isTerminal = stderr.isTTY
  const startedSeconds = now()
  const show = (text: string): void => {
    if (isTerminal) stderr.write(`\r\u001b[K${text.slice(0, (stderr.columns || 80) - 1)}`)
  }
  let round = ''
  return {
    signal,
    now,
    onStep: (what, share) => {
      if (share === null) {
        show(what)
        return
      }
      const full = Math.round(share * cells)
      const spent = now() - startedSeconds
      const left = share < 0.01 ? '' : `, ${duration((spent / share) * (1 - share))} left`
      const text = `${'█'.repeat(full)}${'░'.repeat(cells - full)} ${(share * 100).toFixed(0)} %  ${what}${left}`
      show(text)
      if (!isTerminal && what !== round) stderr.write(`${what}${left}\n`)
      round = what
    },
    say: (line) => {
      show('')
      stderr.write(`${line}\n`)
    },
  }
}

await proofCommand(run).parseAsync()
