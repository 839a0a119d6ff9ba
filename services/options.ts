// Every option of Ringmaster.start(): default, unit, limits, in one place. Validated once, at start.
import { z } from 'zod'
import { invalidArgType, invalidArgValue, outOfRange } from '../native/errors.ts'
import { checkOptionsObject } from './arguments.ts'
import { rawDescriptorsMax } from '../native/layout.ts'
import type { RingAdvice } from './advice.ts'
import type { WorkerEvent } from '../workers/supervisor.ts'
import type { RingRestrictions } from '../workers/restrictions.ts'
import { checkRestrictions } from './restrictions.ts'
import type { RestrictionsOption } from './restrictions.ts'
import type { PlacementWishes } from './placement/types.ts'
import type { ProfileEvent } from './profile/event.ts'

const powerOfTwo = (min: number, max: number): z.ZodNumber =>
  z
    .number()
    .int()
    .min(min)
    .max(max)
    .refine((value) => (value & (value - 1)) === 0, { message: 'must be a power of two' })

/** The options' schema. Adding an option means adding a row here and a line to the table in README. */
const schema = z.strictObject({
  name: z
    .string()
    .regex(/^[\w.-]{0,64}$/, { message: 'must be at most 64 letters, digits, and any of _.-' })
    .default(''),
  rings: z.union([z.literal('auto'), z.number().int().min(1).max(64)]).default('auto'),
  poller: z.enum(['auto', 'kernel', 'worker', 'caller', 'threadpool']).default('auto'),
  sqEntries: powerOfTwo(8, 32768).default(1024),
  cqEntries: powerOfTwo(128, 65536).optional(),
  backlogMax: z.number().int().min(0).max(1_000_000).default(16384),
  memory: z.enum(['auto', 'user', 'mapped']).default('auto'),
  sqThreadIdleMs: z.number().int().min(1).max(60_000).default(50),
  sqThreadCpu: z.number().int().min(0).max(8191).optional(),
  sqThreads: z.enum(['auto', 'own', 'shared']).default('own'),
  pinCpus: z.union([z.literal('auto'), z.array(z.number().int().min(0).max(8191)).max(64)]).default('auto'),
  spinNs: z.union([z.literal('auto'), z.number().int().min(0).max(10_000_000)]).default('auto'),
  adviceIntervalMs: z.number().int().min(0).max(3_600_000).default(10_000),
  adapt: z.boolean().default(false),
  onAdvice: z.custom<(advice: RingAdvice) => void>((value) => typeof value === 'function').optional(),
  directDescriptors: z.number().int().min(0).max(4096).default(256),
  rawDirectDescriptors: z.number().int().min(1).max(rawDescriptorsMax).optional(),
  closeGraceMs: z.number().int().min(0).max(3_600_000).default(1000),
  closeDeadlineMs: z.number().int().min(0).max(3_600_000).default(5000),
  fallback: z.boolean().default(true),
  clientsMax: z.number().int().min(0).max(64).default(8),
  retryIdempotent: z.boolean().default(true),
  heartbeatTimeoutMs: z.number().int().min(0).max(3_600_000).default(10_000),
  onWorker: z.custom<(event: WorkerEvent) => void>((value) => typeof value === 'function').optional(),
  restrictions: z.unknown().optional(), // checked by restrictions.ts
  profile: z.string().min(1).max(4096).optional(),
  onProfile: z.custom<(event: ProfileEvent) => void>((value) => typeof value === 'function').optional(),
})

/** Options of Ringmaster.start(). All have defaults that suit most programs. */
export interface RingmasterOptions {
  /**
   * What its metrics call it (label `pool`), where a registry has several. Up to 64 letters, digits, and any of `_.-`. Default none: the first one
   * without a name has no label, others get a number.
   */
  name?: string
  /** Rings, each with a worker thread. 1–64, default `auto`: one for every four effective CPUs, at most 8. */
  rings?: number | 'auto'
  /**
   * Who consumes the submission queues. Default `auto`: `kernel` (SQPOLL) where allowed and there are two CPUs, else `caller`;
   * `threadpool` (ordinary system calls) where there is no io_uring.
   */
  poller?: 'auto' | 'kernel' | 'worker' | 'caller' | 'threadpool'
  /** Submission queue entries per ring: a power of two, 8–32768, default 1024, less where little memory may be locked. */
  sqEntries?: number
  /** Completion queue entries per ring, which bound the requests in flight: a power of two, at least sqEntries, 128–65536, default 4 × sqEntries. */
  cqEntries?: number
  /** Requests per ring that may wait for a place in it before more fail with ERR_RING_BACKLOG_FULL. 0–1,000,000, default 16384. */
  backlogMax?: number
  /** Whose memory the rings are in: `user` (needs Linux 6.5), `mapped`, or `auto` (the default: user where it works). Of a `threadpool` always `user`. */
  memory?: 'auto' | 'user' | 'mapped'
  /** How long an SQ thread spins without work before it sleeps, in ms. 1–60,000, default 50, and 10 under a CPU quota. */
  sqThreadIdleMs?: number
  /** One CPU to pin all SQ threads to. Default: as pinCpus says. */
  sqThreadCpu?: number
  /**
   * Whether each ring has an SQ thread of its own (default) or all share one (IORING_SETUP_ATTACH_WQ), which saves CPUs where
   * rings are many and mostly idle. A shared one cuts chains: they are then carried out step by step, with the same results.
   */
  sqThreads?: 'auto' | 'own' | 'shared'
  /**
   * CPUs for the threads that poll (SQ threads, or ring workers with poller `worker`): ring i's is the i-th, and from the start
   * again; `[]` pins none. Up to 64 numbers of 0–8191, default `auto`: pinned where CPUs are set aside for this process.
   */
  pinCpus?: readonly number[] | 'auto'
  /** How long this thread looks for completions before it sleeps, in ns. Default `auto`: what a wake-up costs here, measured at start. */
  spinNs?: number | 'auto'
  /** How often it is looked whether the poller suits the load, in ms; six looks make a judgement. 0 (never)–3,600,000, default 10,000. */
  adviceIntervalMs?: number
  /**
   * Whether a ring is moved to the poller that suits its load better, also where `poller` was given: requests go to a new ring, the old one
   * finishes what it has. Not while it is used by raw(), clients or resident services. Default false.
   */
  adapt?: boolean
  /** Told when another poller would suit a ring's load better, and when that is over (cause `none`). */
  onAdvice?: ((advice: RingAdvice) => void) | undefined
  /** Direct descriptors per ring, which bound how many small files readFile() reads at once. 0–4096, default 256. */
  directDescriptors?: number
  /**
   * Direct descriptors per ring for `ringmaster/raw`: how many connections or files a ring can have without a descriptor of the process.
   * 1–65,536, default 1024, less where RLIMIT_NOFILE is lower: it bounds the whole table, these, 64 that are leased, and directDescriptors.
   */
  rawDirectDescriptors?: number | undefined
  /** How long close() lets requests finish before it cancels them, in ms. Default 1000. */
  closeGraceMs?: number
  /** How long close() then waits for the cancelled ones, in ms. Default 5000. */
  closeDeadlineMs?: number
  /**
   * Whether `auto` does without io_uring where it is denied or missing, and without the addon where that cannot be had. Default true;
   * false: start() fails with ERR_RING_UNAVAILABLE and the reason.
   */
  fallback?: boolean
  /** Other threads that may be attached at once, resident services among them: one each per ring. 0–64, default 8. */
  clientsMax?: number
  /** Whether stat(), lstat(), readFile() and open() without O_CREAT of a ring that is lost are carried out on another ring. Default true. */
  retryIdempotent?: boolean
  /** How long a ring worker's heart may stand still before the worker is replaced, in ms. 0 (for ever)–3,600,000, default 10,000. */
  heartbeatTimeoutMs?: number
  /**
   * Told when a ring's worker is `silent` and to be ended, has ended (`replacing`), was replaced (`well`), or cannot be (`gone`): that is tried
   * again, up to every 10 s.
   */
  onWorker?: ((event: WorkerEvent) => void) | undefined
  /** What the rings accept; the kernel refuses all else (5.10). Default: everything. */
  restrictions?: RestrictionsOption
  /**
   * A profile of `ringmaster tune`: the path of its file, or `auto`: that of $RINGMASTER_PROFILE where it is set, else the first there is of ./ringmaster-profile.json,
   * ~/.config/ringmaster/profile.json and /etc/ringmaster/profile.json. What is set by other options is not touched by it, `auto` counting as not set.
   * Default: none is looked for.
   */
  profile?: string | undefined
  /** Told how the profile fits this machine. Default: where it does not, a RingmasterWarning, once. */
  onProfile?: ((event: ProfileEvent) => void) | undefined
}

/** Options with every default filled in. */
export interface ResolvedOptions extends Required<
  Omit<
    RingmasterOptions,
    'sqThreadCpu' | 'restrictions' | 'onAdvice' | 'onWorker' | 'rawDirectDescriptors' | 'profile' | 'onProfile'
  >
> {
  readonly rawDirectDescriptors: number | undefined
  readonly sqThreadCpu: number | undefined
  readonly onAdvice: ((advice: RingAdvice) => void) | undefined
  readonly onWorker: ((event: WorkerEvent) => void) | undefined
  readonly restrictions: RingRestrictions | undefined
}

/**
 * Checks options and fills in defaults.
 * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE; the message names the option.
 */
export function resolveOptions(options: unknown): ResolvedOptions {
  checkOptionsObject(options)
  const parsed = schema.safeParse(options)
  if (!parsed.success) throw asNodeError(parsed.error.issues[0]!, options)
  // The profile has done its part by now: see services/profile/load.ts.
  const { profile: _profile, onProfile: _onProfile, ...own } = parsed.data
  const { cqEntries, sqThreadCpu, restrictions, onAdvice, onWorker, rawDirectDescriptors, ...rest } = own
  const resolved = {
    ...rest,
    sqThreadCpu,
    onAdvice,
    onWorker,
    rawDirectDescriptors,
    restrictions: checkRestrictions(restrictions),
    cqEntries: cqEntries ?? Math.min(65536, Math.max(128, rest.sqEntries * 4)),
  }
  if (resolved.cqEntries < resolved.sqEntries) {
    throw outOfRange('options.cqEntries', `>= options.sqEntries (${resolved.sqEntries})`, resolved.cqEntries)
  }
  if (resolved.poller === 'threadpool' && resolved.memory === 'mapped') {
    throw invalidArgValue(
      'options.memory',
      'mapped',
      "is the kernel's memory, and the poller 'threadpool' has no kernel",
    )
  }
  return resolved
}

/** What is left open is for the rules of placement: where a default has been filled in, they may do better. */
export function placementWishes(options: RingmasterOptions, resolved: ResolvedOptions): PlacementWishes {
  return {
    ...resolved,
    sqEntries: options.sqEntries ?? 'auto',
    cqEntries: options.cqEntries ?? 'auto',
    sqThreadIdleMs: options.sqThreadIdleMs ?? 'auto',
    sqThreads: options.sqThreads,
  }
}

function asNodeError(issue: z.core.$ZodIssue, options: object): Error {
  if (issue.code === 'unrecognized_keys') {
    const name = issue.keys[0] ?? ''
    return invalidArgValue(
      `options.${name}`,
      Reflect.get(options, name),
      `is not an option; there are ${Object.keys(schema.shape).join(', ')}`,
    )
  }
  const key = String(issue.path[0] ?? '')
  const name = key === '' ? 'options' : `options.${key}`
  const value: unknown = Reflect.get(options, key)
  if (key === 'onAdvice' || key === 'onWorker' || key === 'onProfile')
    return invalidArgType(name, 'of type function', value)
  switch (issue.code) {
    case 'too_small':
      return outOfRange(name, `>= ${issue.minimum}`, value)
    case 'too_big':
      return outOfRange(name, `<= ${issue.maximum}`, value)
    case 'invalid_type':
      return typeof value === 'number' && issue.expected !== 'boolean'
        ? outOfRange(name, 'an integer', value)
        : invalidArgType(name, `of type ${issue.expected}`, value)
    case 'invalid_value':
      return invalidArgValue(
        name,
        value,
        `must be one of ${issue.values.map((allowed) => `'${String(allowed)}'`).join(', ')}`,
      )
    case 'invalid_union':
      return typeof value === 'number'
        ? outOfRange(name, 'an integer within its limits (see RingmasterOptions)', value)
        : invalidArgValue(
            name,
            value,
            `must be 'auto' or ${key === 'pinCpus' ? 'an array of CPU numbers' : 'a number'}`,
          )
    default:
      return typeof value === 'number'
        ? outOfRange(name, issue.message.replace('must be ', ''), value)
        : invalidArgValue(name, value, issue.message)
  }
}
