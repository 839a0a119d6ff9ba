// A profile for tests, as a search would have written it on this machine, and with changes. Used by the tests of services/profile.
import { takeFingerprint } from '../../services/profile/fingerprint.ts'
import type { Profile } from '../../services/profile/schema.ts'
import { defaultLayout } from '../../services/tune/layouts.ts'

const before = defaultLayout({ poller: 'worker', rings: 1, sqThreads: 'own', sqThreadIdleMs: 50 })

export function exampleProfile(changes: Partial<Profile> = {}): Profile {
  return {
    kind: 'ringmaster-profile',
    version: 1,
    fingerprint: takeFingerprint(null),
    workload: 'random-read',
    path: null,
    limits: [{ name: 'random read', value: 50_000, unit: 'operations/s', note: null }],
    layout: { ...before, poller: 'caller', rings: 2, depth: 64 },
    before,
    gain: {
      work: { value: 1.2, low: 1.15, high: 1.24, count: 5 },
      cpu: { value: 0.8, low: 0.78, high: 0.83, count: 5 },
      p99Ns: 90_000,
      p99NsBefore: 80_000,
    },
    why: 'poller caller, rings 2, depth 64: +20 % ± 5',
    runnersUp: [{ layout: before, work: null, cpu: null, p99Ns: null, why: 'not measured' }],
    ...changes,
  }
}
