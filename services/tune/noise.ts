// What disturbed the measurement: how much legs of one layout scatter, what could be told apart at all, and who is to blame. Pure. Used by outcome.ts.
import type { Ledger } from './ledger.ts'
import { workOf } from './objective.ts'
import { median, minimumDetectableDifference, robustDeviation } from './statistics.ts'
import type { NoiseReading, Sample } from './types.ts'

export type NoiseSource = 'steal' | 'other load' | 'throttling' | 'CPU pressure' | 'I/O pressure' | 'spread'

export interface NoiseFigures {
  /** Of the legs of one layout in the same rounds as another's, as a share: 0.05 is about ± 5 %. */
  readonly deviation: number
  /** The least difference that as many pairs as decide would show, as a share. */
  readonly detectable: number
  /** Means over all legs, 0–1; pressure null where the kernel does not say. */
  readonly stealShare: number
  readonly otherShare: number
  readonly throttledShare: number
  readonly cpuPressureShare: number | null
  readonly ioPressureShare: number | null
}

export interface Noise extends NoiseFigures {
  readonly source: NoiseSource
  /** A sentence for people: what disturbed, and what to do. */
  readonly says: string
}

/** From where on a source is worth naming. Pressure is also what the workload itself makes: only much of it says anything. */
const blameFrom = { steal: 0.02, other: 0.05, throttled: 0.05, cpuPressure: 0.3, ioPressure: 0.5 } as const
/** As much of the machine that others take is not felt: the kernel's own work for our I/O is among it. */
const disturbanceIgnored = 0.1

export function noiseOf(ledger: Ledger, pairs: number): Noise {
  const figures = { ...meansOf(ledger.samples), ...scatterOf(ledger, pairs) }
  const { source, says } = blame(figures)
  return { ...figures, source, says }
}

/**
 * By how much results may be wrong all the same way: who had a third of the machine taken away may have measured a machine of half the speed, however
 * little the legs scatter. 0 where it is not worth speaking of.
 */
export function systematicError({ stealShare, otherShare }: NoiseFigures): number {
  const taken = stealShare + otherShare
  return taken < disturbanceIgnored ? 0 : taken / Math.max(0.01, 1 - taken)
}

function scatterOf(ledger: Ledger, pairs: number): Pick<NoiseFigures, 'deviation' | 'detectable'> {
  const repeated = ledger.entries.filter(({ rounds }) => rounds.size >= 4)
  const residuals = repeated.flatMap((entry) => {
    const common = (other: (typeof repeated)[number]): number[] =>
      other === entry ? [] : [...entry.rounds.keys()].filter((round) => other.rounds.has(round))
    const [partner] = [...repeated].sort((a, b) => common(b).length - common(a).length)
    const shared = partner === undefined ? [] : common(partner)
    if (partner === undefined || shared.length < 4) return []
    const work = (round: number, of: typeof entry): number => workOf(ledger.objective, of.rounds.get(round)!)
    const ratios = shared.map((round) => Math.log(work(round, entry) / work(round, partner)))
    const centre = median(ratios)
    return ratios.map((ratio) => ratio - centre)
  })
  const deviation = residuals.length === 0 ? NaN : robustDeviation(residuals) / Math.SQRT2
  return { deviation, detectable: minimumDetectableDifference(deviation, pairs) }
}

function meansOf(samples: readonly Sample[]): Omit<NoiseFigures, 'deviation' | 'detectable'> {
  const mean = (read: (noise: NoiseReading) => number | null): number | null => {
    const values = samples.map(({ noise }) => read(noise)).filter((value) => value !== null)
    return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length
  }
  return {
    stealShare: mean((noise) => noise.stealShare) ?? 0,
    otherShare: mean((noise) => noise.otherShare) ?? 0,
    throttledShare: mean((noise) => noise.throttledShare) ?? 0,
    cpuPressureShare: mean((noise) => noise.cpuPressureShare),
    ioPressureShare: mean((noise) => noise.ioPressureShare),
  }
}

const percent = (share: number): string => `${(share * 100).toFixed(share < 0.0995 ? 1 : 0)} %`

/** The source that is farthest above what is usual; plain spread where none is. */
function blame(figures: NoiseFigures): { source: NoiseSource; says: string } {
  const { stealShare, otherShare, throttledShare, cpuPressureShare, ioPressureShare, deviation } = figures
  // Others that took next to nothing kept nobody waiting.
  const ownPressure = otherShare < blameFrom.other / 2 && stealShare < blameFrom.steal
  const suspects: readonly { source: NoiseSource; excess: number; says: string }[] = [
    {
      source: 'steal',
      excess: stealShare / blameFrom.steal,
      says: `the hypervisor gave ${percent(stealShare)} of the CPU time to other machines: use another machine, or a quieter hour`,
    },
    {
      source: 'other load',
      excess: otherShare / blameFrom.other,
      says: `other processes took ${percent(otherShare)} of the CPU time: stop them (see top), or tune when they rest`,
    },
    {
      source: 'throttling',
      excess: throttledShare / blameFrom.throttled,
      says: `the CPU quota held the process back for ${percent(Math.min(1, throttledShare))} of the time: raise it, or tune without it`,
    },
    {
      source: 'CPU pressure',
      excess: ownPressure ? 0 : (cpuPressureShare ?? 0) / blameFrom.cpuPressure,
      says: `threads waited for a CPU for ${percent(cpuPressureShare ?? 0)} of the time (/proc/pressure/cpu)`,
    },
    {
      source: 'I/O pressure',
      excess: (ioPressureShare ?? 0) / blameFrom.ioPressure,
      says: `processes waited for I/O for ${percent(ioPressureShare ?? 0)} of the time (/proc/pressure/io)`,
    },
  ]
  const worst = suspects.reduce((most, each) => (each.excess > most.excess ? each : most))
  if (worst.excess >= 1) return worst
  const isCrowded = ownPressure && (cpuPressureShare ?? 0) >= blameFrom.cpuPressure
  const why = isCrowded
    ? `the layouts' own threads waited for a CPU for ${percent(cpuPressureShare ?? 0)} of the time, since there are more of them than CPUs`
    : 'nothing on this machine says why: ' +
      "neighbours of a virtual machine, a disk's cache or the CPU's temperature may"
  return {
    source: 'spread',
    says: `legs of the same layout differ ${deviation > 1 ? 'more than twofold' : `by ± ${percent(deviation)}`}, and ${why}. Give it more time, or another hour`,
  }
}
