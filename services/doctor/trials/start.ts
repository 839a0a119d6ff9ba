// Starts what is planned, for real, and closes it again: what placement chooses, and what the kernel then refuses, is known for certain. A trial,
// run in a process of its own (child.ts), so that descriptors, threads and locked memory are its own.
import { Ringmaster } from '../../ringmaster.ts'
import type { Choice } from '../../placement/types.ts'
import type { ProfileEvent } from '../../profile/event.ts'
import type { RingmasterOptions } from '../../options.ts'
import type { Tell } from './trial.ts'

export interface StartPlan {
  readonly rings: number | 'auto'
  readonly poller: NonNullable<RingmasterOptions['poller']>
  /** Path of a profile, or null. */
  readonly profile: string | null
  /** Memory to be registered; 0: none, or more than is tried. */
  readonly buffersBytes: number
}

export interface StartFacts {
  /** Why it does not start. */
  readonly error: { readonly code: string; readonly reason: string; readonly message: string } | null
  readonly rings: readonly {
    readonly poller: string
    readonly reason: string
    readonly degraded: boolean
    readonly sqEntries: number
    readonly cqEntries: number
    readonly entryHalvings: number
  }[]
  readonly choices: readonly Choice[]
  readonly wakeCostNs: number
  /** What became of the profile; null: none was asked for. */
  readonly profile: Pick<ProfileEvent, 'state' | 'message'> | null
  /** Whether the memory could be registered, and if not, why; null: not tried. */
  readonly buffers: { readonly registered: boolean; readonly reason: string } | null
}

/** What is registered is a multiple of it. */
export const slabBytes = 65_536

/** As much as is registered for the trial: it is really there then, and taken from whatever else runs. */
export const buffersTriedMax: number = 256 * 2 ** 20

export async function tryStart(argument: string, tell: Tell): Promise<void> {
  const { rings: wanted, poller, profile, buffersBytes } = JSON.parse(argument) as StartPlan
  let rings: Ringmaster
  let told: StartFacts['profile'] = null
  const onProfile = ({ state, message }: ProfileEvent): void => {
    told = { state, message }
  }
  try {
    rings = await Ringmaster.start({ rings: wanted, poller, ...(profile !== null && { profile, onProfile }) })
  } catch (error) {
    const { code = '', reason = '', message } = error as { code?: string; reason?: string; message: string }
    tell({ error: { code, reason, message } })
    return
  }
  await rings.nop()
  const stats = rings.stats()
  tell({
    error: null,
    rings: stats.rings.map(({ poller, reason, degraded, sqEntries, cqEntries, entryHalvings }) => {
      return { poller, reason, degraded, sqEntries, cqEntries, entryHalvings }
    }),
    choices: stats.placement.choices,
    wakeCostNs: stats.wakeCostNs,
    profile: told,
    buffers: null,
  })
  if (buffersBytes > 0) {
    const { registered, reason } = rings.arena({ slabBytes, slabs: Math.ceil(buffersBytes / slabBytes) })
    tell({ buffers: { registered, reason } })
  }
  await rings.close()
}
