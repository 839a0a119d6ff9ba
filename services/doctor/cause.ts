// What a denial is traced to. Made by denial.ts and memory-denial.ts; checks make findings of it.

export type CauseName =
  | 'sysctl'
  | 'seccomp'
  | 'security module'
  | 'kernel'
  | 'capability'
  | 'memlock'
  | 'memory cgroup'
  | 'descriptors'
  | 'tracer'
  | 'unknown'

export interface Cause {
  readonly cause: CauseName
  /** A sentence, with what it rests on. */
  readonly why: string
  readonly fix: string | null
}
