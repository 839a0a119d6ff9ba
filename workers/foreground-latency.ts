// How long the foreground's requests take in the kernel, as a multiple of what they take without background. For admission.ts.
//
// Without background is what is measured while background is held to its floor: that includes what the foreground costs itself, so
// a foreground that is busy by itself is not taken for a disturbed one. Each opcode is compared with itself: a program that begins to
// fsync has not become slower.
import { Op } from '../native/abi.ts'

/** What a device or a file system answers. How long a socket, a timeout or a futex waits is up to others. */
const regular = new Uint8Array(256)
for (const op of [
  ...[Op.NOP, Op.READV, Op.WRITEV, Op.FSYNC, Op.READ_FIXED, Op.WRITE_FIXED, Op.SYNC_FILE_RANGE, Op.FALLOCATE],
  ...[Op.OPENAT, Op.OPENAT2, Op.CLOSE, Op.STATX, Op.READ, Op.WRITE, Op.FADVISE, Op.FTRUNCATE, Op.READV_FIXED],
  ...[Op.WRITEV_FIXED, Op.RENAMEAT, Op.UNLINKAT, Op.MKDIRAT, Op.SYMLINKAT, Op.LINKAT],
])
  regular[op] = 1

/** Less than this is when we look, not what the kernel takes. */
const resolutionMs = 0.05
/** A read of a pipe that nobody writes to says nothing: one sample counts this many times the baseline at most. */
const clip = 64
const measuredWeight = 0.3
const baselineWeight = 0.1

export class ForegroundLatency {
  private readonly sumMs = new Float64Array(256)
  private readonly count = new Float64Array(256)
  private readonly measuredMs = new Float64Array(256)
  /** 0: not known. */
  private readonly baselineMs = new Float64Array(256)

  /** A request of the foreground took `latencyMs` in the kernel. */
  sample(opcode: number, latencyMs: number): void {
    if (regular[opcode] === 0) return
    const baseline = this.baselineMs[opcode]!
    this.sumMs[opcode]! += baseline === 0 ? latencyMs : Math.min(latencyMs, clip * Math.max(baseline, resolutionMs))
    this.count[opcode]! += 1
  }

  /**
   * Ends an interval: the mean, over its requests, of how many times the unloaded latency they took. 0: there were none; Infinity: the
   * unloaded latency of some is not known. `unloaded`: background was held to its floor all the time.
   */
  endInterval(unloaded: boolean): number {
    let total = 0
    let ratios = 0
    for (let op = 0; op < 256; op++) {
      const count = this.count[op]!
      if (count === 0) continue
      const meanMs = this.sumMs[op]! / count
      const before = this.measuredMs[op]!
      const measured = before === 0 ? meanMs : before + (meanMs - before) * measuredWeight
      let baseline = this.baselineMs[op]!
      if (unloaded) baseline = baseline === 0 ? meanMs : baseline + (meanMs - baseline) * baselineWeight
      // What is quicker with background than without was measured badly without.
      if (baseline > 0) baseline = Math.min(baseline, measured)
      this.measuredMs[op] = measured
      this.baselineMs[op] = baseline
      total += count
      ratios +=
        count * (baseline === 0 ? Infinity : Math.max(measured, resolutionMs) / Math.max(baseline, resolutionMs))
      this.sumMs[op] = 0
      this.count[op] = 0
    }
    return total === 0 ? 0 : ratios / total
  }
}
