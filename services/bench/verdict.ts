// What the figures mean for whoever asked, in words, "do not bother" included. Called by summary.ts; pure.
import type { Ratio } from '../measure/statistics.ts'
import { LEAST_ROUNDS } from '../measure/statistics.ts'
import type { NoiseReading } from '../tune/types.ts'
import type { BenchScenario, BenchVerdict, RowSummary, ScenarioReport } from './model.ts'

/** A change of library is not worth less than this. */
const worthwhile = 1.1
/** CPU per operation is told where it differs by so much. */
const cpuMatters = 0.15

/** Shares above which noise is named. */
const noisy = { stealShare: 0.02, otherShare: 0.1, throttledShare: 0.01 } as const

/** `completeRounds`: pairs that the ratio is of. */
export function verdictOf(ratio: Ratio | null, completeRounds: number): BenchVerdict {
  if (ratio === null || Number.isNaN(ratio.low)) return 'unknown'
  if (completeRounds < LEAST_ROUNDS) return 'inconclusive'
  if (ratio.low >= worthwhile && ratio.conclusive) return 'faster'
  if (ratio.high <= 1 / worthwhile && ratio.conclusive) return 'slower'
  // All of it within a tenth: no difference that matters.
  if (ratio.low > 1 / worthwhile && ratio.high < worthwhile) return 'equal'
  return 'inconclusive'
}

const nouns: Readonly<Record<BenchScenario['workload'], string>> = {
  'random-read': 'random reads',
  'sequential-read': 'sequential reads',
  'durable-append': 'durable appends',
  'small-files': 'whole small files',
  mixed: 'mixed reads and appends',
}

const sizes = (bytes: number): string =>
  bytes % 2 ** 20 === 0 ? `${bytes / 2 ** 20} MiB` : bytes % 1024 === 0 ? `${bytes / 1024} KiB` : `${bytes} bytes`

/** "random reads of 4 KiB, 64 in flight" */
export function describeScenario({ workload, blockBytes, depth }: BenchScenario): string {
  const size = workload === 'small-files' ? '' : ` of ${sizes(blockBytes)}`
  return `${nouns[workload]}${size}, ${depth === 1 ? 'one at a time' : `${depth} in flight`}`
}

const times = ({ ratio, low, high }: Ratio): string =>
  `${ratio.toFixed(1)} times (${low.toFixed(1)}–${high.toFixed(1)})`

export interface RoundCount {
  /** In which both gave a figure. */
  readonly complete: number
  readonly begun: number
  readonly isInterrupted: boolean
}

export interface VerdictInput {
  readonly scenario: BenchScenario
  readonly verdict: BenchVerdict
  readonly own: RowSummary | undefined
  readonly toSync: Ratio | null
  readonly noise: NoiseReading | null
  readonly rounds: RoundCount
}

export function says(input: VerdictInput): string {
  const sentence = judge(input)
  const cause = noiseText(input.noise)
  return isJudged(input.verdict) && cause !== ''
    ? `${sentence} Meanwhile ${cause}: a quiet machine may say otherwise.`
    : sentence
}

const isJudged = (verdict: BenchVerdict): boolean => verdict !== 'unknown' && verdict !== 'inconclusive'

function judge({ scenario, verdict, own, toSync, noise, rounds }: VerdictInput): string {
  const about = describeScenario(scenario)
  const subject = `${about[0]!.toUpperCase()}${about.slice(1)}: `
  if (rounds.isInterrupted && rounds.complete === 0) return `${subject}stopped before a round was complete.`
  if (own === undefined) return `${subject}Ringmaster gave no figure, so nothing can be said.`
  const { ratio } = own
  if (verdict === 'unknown' || ratio === null) return `${subject}there is no figure of fs.promises to compare with.`
  const sync = toSync !== null && toSync.conclusive && toSync.high < 1 ? blockingNote(toSync) : ''
  switch (verdict) {
    case 'faster':
      return `${subject}Ringmaster does ${times(ratio)} as many as fs.promises${cpuNote(own)}.${sync}`
    case 'slower':
      return `${subject}fs.promises is faster here: Ringmaster does ${times(ratio)} as many${cpuNote(own)}. Do not bother.${sync}`
    case 'equal':
      return `${subject}no difference that matters: Ringmaster does ${times(ratio)} as many as fs.promises${cpuNote(own)}. Do not bother${cheaper(own) ? ', unless CPU is what you are short of' : ''}.${sync}`
    case 'inconclusive':
      if (rounds.complete < LEAST_ROUNDS)
        return `${subject}inconclusive: too little time. ${tooFew(rounds)} In them Ringmaster did ${times(ratio)} as many as fs.promises.`
      return `${subject}inconclusive: from round to round Ringmaster did ${times(ratio)} as many as fs.promises. ${remedy(noise)}`
  }
}

const blockingNote = ({ ratio }: Ratio): string =>
  ` A loop of fs.*Sync calls does ${(1 / ratio).toFixed(1)} times as many as Ringmaster, and blocks the thread meanwhile.`

const cheaper = ({ cpuRatio }: RowSummary): boolean => cpuRatio !== null && cpuRatio < 1 - cpuMatters

function cpuNote({ cpuRatio }: RowSummary): string {
  if (cpuRatio === null || Math.abs(cpuRatio - 1) < cpuMatters) return ''
  return `, at ${cpuRatio.toFixed(2)} times the CPU each`
}

/** What disturbed the rounds, if anything did: "steal 4 %, other programs 31 % of the CPUs". Empty where it was quiet. */
export function noiseText(noise: NoiseReading | null): string {
  if (noise === null) return ''
  const percent = (share: number): string => `${Math.round(share * 100)} %`
  const parts = [
    noise.stealShare >= noisy.stealShare ? `the hypervisor took ${percent(noise.stealShare)}` : '',
    noise.otherShare >= noisy.otherShare ? `other programs took ${percent(noise.otherShare)}` : '',
    noise.throttledShare >= noisy.throttledShare ? `a CPU quota withheld ${percent(noise.throttledShare)}` : '',
  ].filter((part) => part !== '')
  return parts.length === 0 ? '' : `${parts.join(', ')} of the CPUs`
}

function remedy(noise: NoiseReading | null): string {
  const cause = noiseText(noise)
  const more = `Try more --rounds${cause === '' ? ', or more --seconds' : ', or when the machine is quiet'}.`
  return cause === '' ? more : `Meanwhile ${cause}. ${more}`
}

/** Not what disturbed the machine: rounds are what is missing. */
function tooFew({ complete, begun, isInterrupted }: RoundCount): string {
  const counted = `${complete} complete round${complete === 1 ? '' : 's'}, and below ${LEAST_ROUNDS} nothing can be concluded:`
  if (isInterrupted) return `${counted} let it run to its end, or make it shorter with --quick.`
  if (begun < LEAST_ROUNDS) return `${counted} give it --rounds ${LEAST_ROUNDS} or more.`
  return `${counted} ${begun - complete} of ${begun} rounds gave no figure; give it more --rounds.`
}

/** All scenarios in a sentence. */
export function overall(reports: readonly ScenarioReport[], rounds: number): string {
  const of = (verdict: BenchVerdict): string[] =>
    reports.filter((report) => report.verdict === verdict).map(({ scenario }) => nouns[scenario.workload])
  if (reports.length === 0) return 'Nothing was measured.'
  if (rounds < LEAST_ROUNDS)
    return `Fewer than ${LEAST_ROUNDS} rounds: nothing can be concluded. Give it more time: --rounds ${LEAST_ROUNDS} or more.`
  const parts = [
    part('Ringmaster pays for', of('faster')),
    part('fs is as good for', of('equal')),
    part('fs is faster for', of('slower')),
    part('inconclusive:', [...of('inconclusive'), ...of('unknown')]),
  ].filter((text) => text !== '')
  const disturbed = reports.some(({ verdict, noise }) => isJudged(verdict) && noiseText(noise) !== '')
  return `Here, ${parts.join('; ')}.${disturbed ? ' The machine was busy with other things meanwhile.' : ''}`
}

const part = (words: string, names: readonly string[]): string =>
  names.length === 0 ? '' : `${words} ${names.join(', ')}`
