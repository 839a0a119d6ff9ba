// `ringmaster tune` for a daemon: the recording that is replayed (--from), and what is said where there is none, or where the options do not fit. Called by tune.ts.
import type { Recording } from '../recording/format.ts'
import { readRecording, RecordingError } from '../recording/read.ts'
import type { TunedWorkload } from '../tune/types.ts'
import { CommandError, exitCodes } from './exit.ts'

interface FromOptions {
  readonly workload: TunedWorkload
  readonly from?: string
  readonly direct?: boolean
}

/** Null: this workload needs none. @throws CommandError */
export async function recordingOf({ workload, from, direct }: FromOptions): Promise<Recording | null> {
  const misuse = (message: string): CommandError => new CommandError(message, exitCodes.usage)
  if (direct === true && (workload === 'http' || workload === 'recorded'))
    throw misuse(`the daemon reads through the page cache, so --workload ${workload} does, too: leave out --direct`)
  if (from === undefined) {
    if (workload !== 'recorded') return null
    throw misuse(
      '--workload recorded needs --from FILE: make one of a running daemon with ringmaster trace --format replay',
    )
  }
  if (workload !== 'recorded') throw misuse(`--from is for --workload recorded, and this is ${workload}`)
  return readRecording(from).catch((error: unknown) => {
    if (!(error instanceof RecordingError)) throw error
    throw new CommandError(error.message, exitCodes.failure, { cause: error })
  })
}
