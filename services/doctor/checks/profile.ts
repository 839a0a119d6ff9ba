// The profile that `ringmaster tune` has written: whether it can be read, is of this machine, and whether its layout could be had.
import { codeOf } from '../../http/http-error.ts'
import { tuneAgain } from '../../profile/again.ts'
import { shellWord } from '../../shell-word.ts'
import type { Layout } from '../../tune/types.ts'
import type { Context } from '../context.ts'
import type { Finding } from '../finding.ts'
import type { ProfileFacts } from '../profile.ts'

const described = ({ poller, rings }: Layout): string => `poller ${poller}, rings ${rings}`

/** What mends a file that is no profile, or cannot be read. */
function fixOf({ path, error }: ProfileFacts): string {
  const cause = codeOf(error?.cause)
  if (cause === 'EACCES')
    return `let this user read it: chmod a+r ${shellWord(path)}, and the folders above it be searched (chmod a+x)`
  return cause === undefined && /is no file/.test(error?.message ?? '')
    ? 'name the file: --profile FILE'
    : tuneAgain(path, null)
}

function checkFile({ profile: facts, plan, start }: Subject): Finding {
  const base = { id: 'layout.profile', title: 'profile', need: 'of this machine, if there is one' }
  const asked = plan.profile !== null
  if (facts === null) {
    const why = 'none is named, and none lies where one is looked for: rings are laid out by the rules of placement'
    return { ...base, have: 'none', verdict: 'ok', why, fix: null }
  }
  const { path, profile, error, differences } = facts
  const idle = asked ? '' : '. Only who names it uses it: --profile'
  if (profile === null) {
    const why = `${error?.message ?? 'it cannot be read'}${idle}`
    return { ...base, have: `${path}: not readable`, verdict: asked ? 'broken' : 'degraded', why, fix: fixOf(facts) }
  }
  const have = `${path}: ${described(profile.layout)}`
  const refused = start.facts.profile?.state === 'impossible' ? start.facts.profile.message : null
  if (refused !== null) return { ...base, have, verdict: 'degraded', why: refused, fix: tuneAgain(path, profile) }
  if (differences.length === 0)
    return {
      ...base,
      have,
      verdict: 'ok',
      why: `it was made on this machine, for ${profile.workload}${idle}`,
      fix: null,
    }
  const date = profile.fingerprint.date.slice(0, 10)
  const why = `it was made on another machine, or this one was changed since ${date}, so another layout may be better: ${differences.join('; ')}${idle}`
  return { ...base, have, verdict: 'degraded', why, fix: tuneAgain(path, profile) }
}

type Subject = Pick<Context, 'profile' | 'plan' | 'start'>

export function checkProfile(context: Subject): Promise<Finding[]> {
  return Promise.resolve([checkFile(context)])
}
