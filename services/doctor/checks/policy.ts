// What may deny io_uring, whether it does or not: the sysctl, seccomp, security modules.
import { readText } from '../../machine/text.ts'
import type { Context } from '../context.ts'
import { filterRefuses, isDenied } from '../denial.ts'
import { deniedRings, deniedSqThread } from '../denials.ts'
import type { Finding, Verdict } from '../finding.ts'
import { seccompFix, sysctlFix } from '../fixes.ts'
import { sysctlDenies } from '../policy.ts'
import { withoutSqThread } from './rings.ts'

/** Something that denies rings is no fault of who plans without. */
const denying = ({ plan }: Context): Verdict => (plan.poller === 'threadpool' ? 'info' : 'broken')

function checkSysctl(context: Context): Finding {
  const { policy, surroundings } = context
  const base = { id: 'policy.sysctl', title: 'kernel.io_uring_disabled', need: '0' }
  // Where there is no /proc, nothing is there.
  if (policy.disabled === null && readText('/', 'proc/sys/kernel/osrelease') === '')
    return { ...base, have: 'cannot be read', verdict: 'unknown', why: '/proc/sys is not there', fix: null }
  if (policy.disabled === null)
    return {
      ...base,
      have: 'not there',
      verdict: 'ok',
      why: 'this kernel has no such sysctl, which came with 6.6',
      fix: null,
    }
  const denies = sysctlDenies(policy)
  const have = `${policy.disabled}${policy.disabled === '1' && policy.group >= 0 ? `, group ${policy.group}` : ''}`
  if (denies === false) {
    const pass = policy.isAdmin ? 'this process has CAP_SYS_ADMIN' : 'this process is in kernel.io_uring_group'
    const why = policy.disabled === '0' ? 'io_uring is open to everybody' : `it denies io_uring to others; ${pass}`
    return { ...base, have, verdict: policy.disabled === '0' ? 'ok' : 'info', why, fix: null }
  }
  if (denies === null)
    return {
      ...base,
      have,
      verdict: 'unknown',
      why: 'whether this process is in the group cannot be seen from its user namespace',
      fix: null,
    }
  const why =
    policy.disabled === '2'
      ? 'io_uring is off for everybody'
      : 'io_uring is for CAP_SYS_ADMIN and the group kernel.io_uring_group, and this process is neither'
  return { ...base, have, verdict: denying(context), why, fix: sysctlFix(surroundings, 'kernel.io_uring_disabled=0') }
}

function checkSeccomp(context: Context): Finding {
  const { policy, evidence, surroundings } = context
  const base = { id: 'policy.seccomp', title: 'seccomp', need: 'none, or one that allows io_uring' }
  if (policy.seccomp === null)
    return { ...base, have: 'not said', verdict: 'unknown', why: '/proc/self/status has no line Seccomp', fix: null }
  if (policy.seccomp === 0)
    return { ...base, have: 'no filter', verdict: 'ok', why: 'Seccomp: 0 in /proc/self/status', fix: null }
  const have = `${policy.filters ?? 'some'} filter${policy.filters === 1 ? '' : 's'}`
  if (evidence === null)
    return {
      ...base,
      have,
      verdict: 'unknown',
      why: 'whether they allow io_uring cannot be asked without the addon',
      fix: null,
    }
  const { calls } = evidence
  const fix = seccompFix(surroundings)
  if (calls.end === 'killed' && calls.detail === 'SIGSYS') {
    const why = `io_uring_${calls.facts.calling ?? 'setup'} ends whoever calls it (SIGSYS)`
    return { ...base, have: `${have}, killing`, verdict: denying(context), why, fix }
  }
  if (calls.end !== 'done')
    return { ...base, have, verdict: 'unknown', why: `trying it ended without an answer (${calls.detail})`, fix: null }
  switch (filterRefuses(evidence)) {
    case true:
      return {
        ...base,
        have: `${have}, denying`,
        verdict: denying(context),
        why: 'io_uring_setup, io_uring_enter or io_uring_register is answered by a filter, and not by the kernel',
        fix,
      }
    case false:
      return { ...base, have, verdict: 'ok', why: 'the kernel itself answers all three system calls', fix: null }
    case null:
      return {
        ...base,
        have,
        verdict: 'unknown',
        why: 'a call is refused, and not for certain by a filter: io_uring above says what else it may be',
        fix: null,
      }
  }
}

/** Of Linux: what it can mount. */
const hasSecurityFs = (): boolean => /\bsecurityfs$/m.test(readText('/', 'proc/filesystems'))

function checkModules(context: Context): Finding {
  const { modules, label, isAdmin } = context.policy
  const named = modules === null ? 'cannot be read' : modules.join(', ')
  const base = {
    id: 'policy.modules',
    title: 'security modules',
    need: 'none that denies io_uring',
    have: label === '' ? named : `${named}; this process: ${label}`,
  }
  const noRings = deniedRings(context)
  const denied = noRings ?? deniedSqThread(context)
  const where = `see ${noRings === null ? 'SQ thread' : 'io_uring'} above`
  if (denied?.cause === 'security module') {
    const verdict = noRings === null ? withoutSqThread(context) : denying(context)
    return { ...base, verdict, why: `one of them denies it: ${where}`, fix: null }
  }
  if (modules === null)
    return {
      ...base,
      verdict: 'unknown',
      why: `which there are is told by /sys/kernel/security/lsm${denied === null ? '; none denies rings or SQ threads to this process' : ''}`,
      fix: isAdmin && hasSecurityFs() ? 'mount -t securityfs none /sys/kernel/security' : null,
    }
  if (denied === null)
    return { ...base, verdict: 'ok', why: 'none denies rings or SQ threads to this process', fix: null }
  const facts = context.evidence?.calls.facts
  const mayBeOne = denied.cause === 'unknown' && (isDenied(facts?.setup) || isDenied(facts?.sqThreadSetup))
  return {
    ...base,
    verdict: mayBeOne ? 'unknown' : 'info',
    why: mayBeOne ? `whether one denies it cannot be told: ${where}` : `it is none of these that denies it: ${where}`,
    fix: null,
  }
}

export function checkPolicy(context: Context): Promise<Finding[]> {
  return Promise.resolve([checkSysctl(context), checkSeccomp(context), checkModules(context)])
}
