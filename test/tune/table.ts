// The proof of the search, for people: every simulated machine and workload, what the sweep finds best, what the search chose, and what it took.
// Run by `npm run proof:tune -- [SEEDS [WORKLOAD]] [--machine NAME] [--budget SECONDS] [--after SEED] [--verbose]`.
import { parseArgs } from 'node:util'
import { describeDifference } from '../../services/tune/layouts.ts'
import type { WorkloadName } from '../../services/tune/types.ts'
import { machines, presentLayout, trial } from './machines.ts'
import type { Trial } from './machines.ts'
import { ordinary } from './simulated-machine.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    verbose: { type: 'boolean', default: false },
    machine: { type: 'string' },
    budget: { type: 'string' },
    after: { type: 'string' },
  },
})
const seeds = Number(positionals[0] ?? 10)
const firstSeed = Number(values.after ?? 0) + 1
const workloads: readonly WorkloadName[] = ['random-read', 'durable-append', 'sequential-read', 'mixed', 'small-files']

for (const machine of machines.filter(({ name }) => name.includes(values.machine ?? ''))) {
  for (const workload of workloads.filter((name) => name.includes(positionals[1] ?? ''))) {
    const trials: Trial[] = []
    for (let seed = firstSeed; seed < firstSeed + seeds; seed++) {
      trials.push(
        await trial({ machine, workload, disturbance: ordinary, seed, budgetSeconds: Number(values.budget ?? 600) }),
      )
    }
    const near = trials.filter(({ ratio, p99Share }) => ratio >= 0.95 && p99Share <= 1.05).length
    const worst = trials.reduce((least, each) => (each.ratio < least.ratio ? each : least))
    const mean = (read: (each: Trial) => number): number => trials.reduce((sum, each) => sum + read(each), 0) / seeds
    const columns = [
      machine.name.padEnd(28),
      workload.padEnd(16),
      `${near}/${seeds} within 5 %`.padEnd(18),
      `present ${(worst.presentRatio * 100).toFixed(0)} %`.padEnd(14),
      `worst ${(worst.ratio * 100).toFixed(1)} %`.padEnd(14),
      `${mean(({ result }) => result.legs).toFixed(0)} legs`.padEnd(10),
      `${mean(({ result }) => result.seconds).toFixed(0)} s`.padEnd(7),
      `1/${(1 / mean(({ timeShare }) => timeShare)).toFixed(0)} of the sweep`.padEnd(22),
      trials.map(({ result }) => result.outcome.kind[0]).join(''),
    ]
    process.stdout.write(`${columns.join(' ')}\n`)
    if (!values.verbose) continue
    const present = presentLayout(machine)
    process.stdout.write(`   optimum: ${describeDifference(worst.optimum.best, present)}\n`)
    for (const { result, ratio, p99Share } of trials) {
      process.stdout.write(
        `   ${(ratio * 100).toFixed(1)} % p99 ${p99Share.toFixed(2)} ${result.outcome.kind}: ${result.outcome.kind === 'chosen' ? describeDifference(result.outcome.layout, worst.optimum.best) + ' (against the optimum)' : result.outcome.why}\n`,
      )
    }
  }
}
