// Looks at everything that decides whether rings work and how fast. Called by services/cli/doctor.ts.
import { checks } from './checks/index.ts'
import { readContext } from './context.ts'
import type { Finding } from './finding.ts'
import type { DoctorPlan } from './plan.ts'

/** A second on an idle machine; at most about a minute, where something does not answer. */
export async function examine(plan: DoctorPlan): Promise<Finding[]> {
  const context = await readContext(plan)
  const findings: Finding[] = []
  for (const check of checks) findings.push(...(await check(context)))
  return findings
}
