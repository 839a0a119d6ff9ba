// How many direct descriptors raw operations get on each ring. Used by openRings().
import { invalidArgValue } from '../native/errors.ts'
import { leasedDescriptors } from '../native/layout.ts'
import { Poller } from '../workers/poller-kind.ts'
import { descriptorLimit } from './machine/limits.ts'

/** 8 KiB of the kernel's memory for each ring; what is not used costs nothing more. */
const rawDescriptorsDefault = 1024
/** Fewer than this are not worth having a smaller table for. */
const rawDescriptorsLeast = 64

export interface DescriptorWishes {
  readonly directDescriptors: number
  /** Undefined: the default. */
  readonly rawDirectDescriptors: number | undefined
}

/**
 * The wish, or the default as far as RLIMIT_NOFILE lets a ring have it: the kernel refuses a table with more slots, though none of
 * them is a descriptor of the process. With the poller `threadpool` they are, and are counted when they are opened.
 * @throws ERR_INVALID_ARG_VALUE where a wish is beyond the limit
 */
export function chooseRawDescriptors(
  wishes: DescriptorWishes,
  poller: Poller,
  limit: number = descriptorLimit(),
): number {
  const { directDescriptors, rawDirectDescriptors } = wishes
  if (poller === Poller.threadpool) return rawDirectDescriptors ?? rawDescriptorsDefault
  const others = leasedDescriptors + directDescriptors
  if (rawDirectDescriptors === undefined)
    return Math.max(rawDescriptorsLeast, Math.min(rawDescriptorsDefault, limit - others))
  if (rawDirectDescriptors > rawDescriptorsLeast && rawDirectDescriptors + others > limit) {
    const reason = `is too many: with ${leasedDescriptors} that are leased and ${directDescriptors} of option directDescriptors a ring's table would have more slots than RLIMIT_NOFILE (${limit}) lets it. Ask for at most ${Math.max(rawDescriptorsLeast, limit - others)}, or raise ulimit -n`
    throw invalidArgValue('options.rawDirectDescriptors', rawDirectDescriptors, reason)
  }
  return rawDirectDescriptors
}
