// What the checks go by: read and tried once, before any of them. Made by examine.ts.
import { addonOrigin } from '../../native/binding.ts'
import type { AddonOrigin } from '../../native/addon-file.ts'
import { capabilities } from '../../native/capabilities.ts'
import type { Capabilities } from '../../native/capabilities.ts'
import type { Features } from '../../native/features.ts'
import { readMachine } from '../machine/facts.ts'
import type { MachineFacts } from '../machine/facts.ts'
import { operationTable } from '../raw/operation-table.ts'
import type { OperationEntry } from '../raw/operation-table.ts'
import { features } from '../raw/support.ts'
import type { Evidence } from './denial.ts'
import type { DoctorPlan } from './plan.ts'
import { readPolicy } from './policy.ts'
import type { Policy } from './policy.ts'
import { readProfileFacts } from './profile.ts'
import type { ProfileFacts } from './profile.ts'
import { readSurroundings } from './surroundings.ts'
import type { Surroundings } from './surroundings.ts'
import { readThreadsLeft } from './threads.ts'
import type { ThreadsLeft } from './threads.ts'
import { runTrial } from './trials/run-child.ts'
import type { TrialOutcome } from './trials/run-child.ts'
import type { CallFacts } from './trials/calls.ts'
import { buffersTriedMax } from './trials/start.ts'
import type { StartFacts, StartPlan } from './trials/start.ts'
import type { StorageFacts } from './trials/storage.ts'

export interface Context {
  readonly plan: DoctorPlan
  readonly machine: MachineFacts
  readonly capabilities: Capabilities
  readonly features: Features
  readonly operations: readonly OperationEntry[]
  readonly addon: AddonOrigin
  readonly policy: Policy
  readonly surroundings: Surroundings
  /** What each call is answered with; null without the addon, which makes them. */
  readonly evidence: Evidence | null
  readonly start: TrialOutcome<StartFacts>
  readonly storage: TrialOutcome<StorageFacts>
  readonly threads: ThreadsLeft
  /** Null: there is none. */
  readonly profile: ProfileFacts | null
}

/** A busy machine is given time; one on which nothing is the matter answers within a second. */
const callsLimitMs = 20_000
const startLimitMs = 30_000
const storageLimitMs = 15_000

async function readEvidence(policy: Policy, surroundings: Surroundings, kernelRelease: string): Promise<Evidence> {
  const calls = await runTrial<CallFacts>('calls', '', callsLimitMs)
  return { policy, calls, surroundings, kernelRelease }
}

export async function readContext(plan: DoctorPlan): Promise<Context> {
  const threads = readThreadsLeft() // before the trials have theirs
  const storage = runTrial<StorageFacts>('storage', plan.path, storageLimitMs)
  const addon = addonOrigin()
  const [policy, surroundings] = [readPolicy(), readSurroundings()]
  const found = await capabilities()
  const { rings, poller, buffersBytes } = plan
  const profile = await readProfileFacts(plan.profile ?? 'auto')
  const startPlan: StartPlan = {
    ...{ rings, poller },
    // One that nobody has named is not used by anybody.
    profile: plan.profile !== null && profile !== null && profile.profile !== null ? profile.path : null,
    buffersBytes: buffersBytes > buffersTriedMax ? 0 : buffersBytes,
  }
  // One after the other: memory that may be locked is counted for all processes of a user together.
  const evidence = addon.origin === 'none' ? null : await readEvidence(policy, surroundings, found.kernelRelease)
  const start = await runTrial<StartFacts>('start', JSON.stringify(startPlan), startLimitMs)
  return {
    plan,
    machine: readMachine(),
    capabilities: found,
    features: await features(),
    operations: await operationTable(),
    addon,
    policy,
    surroundings,
    evidence,
    start,
    storage: await storage,
    threads,
    profile,
  }
}
