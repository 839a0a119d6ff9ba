// What several threads have recorded at the same time, as one recording. Used by services/blob/service.ts, whose instances each record for
// themselves. Pure.
import { recordingFormat, recordingLimits, recordingVersion } from './format.ts'
import type { RecordedVisit, Recording } from './format.ts'

export interface RecordedPart {
  readonly recording: Recording
  /** Time in which any operation was under way. */
  readonly busyMs: number
}

/** At least one. Of a recording that is full, what came first: each of them is full of what came first, too. */
export function sumOfRecordings(parts: readonly RecordedPart[]): Recording {
  const recordings = parts.map(({ recording }) => recording)
  const startedMs = Math.min(...recordings.map((each) => each.startedMs))
  const files = new Files()
  const all = recordings.flatMap((recording) => {
    const places = recording.files.map((file) => files.place(file))
    const laterMs = recording.startedMs - startedMs
    return recording.visits.map((visit): RecordedVisit => {
      return { ...visit, file: places[visit.file]!, atMs: Math.round((visit.atMs + laterMs) * 1000) / 1000 }
    })
  })
  all.sort((one, other) => one.atMs - other.atMs)
  const visits = firstOf(all)
  return {
    format: recordingFormat,
    version: recordingVersion,
    startedMs,
    seconds: Math.max(...recordings.map(({ seconds }) => seconds)),
    dropped: recordings.reduce((sum, { dropped }) => sum + dropped, all.length - visits.length),
    sampleEvery: Math.max(...recordings.map(({ sampleEvery }) => sampleEvery)),
    inFlight: inFlightOf(parts),
    ...files.usedBy(visits),
  }
}

function firstOf(visits: readonly RecordedVisit[]): RecordedVisit[] {
  const { visitsMax, operationsMax } = recordingLimits
  let operations = 0
  const end = visits.findIndex((visit) => (operations += visit.operations.length) > operationsMax)
  return visits.slice(0, Math.min(visitsMax, end === -1 ? visits.length : end))
}

/** Nobody knows how their times lie beside each other: as if they had nothing to do with each other. */
function inFlightOf(parts: readonly RecordedPart[]): number {
  const spentMs = parts.reduce((sum, { recording, busyMs }) => sum + recording.inFlight * busyMs, 0)
  const wholeMs = Math.max(...parts.map(({ recording }) => recording.seconds * 1000))
  const idle = parts.reduce((share, { busyMs }) => share * (1 - Math.min(1, busyMs / wholeMs)), 1)
  return spentMs === 0 ? 0 : spentMs / (wholeMs * (1 - idle))
}

type File = Recording['files'][number]

class Files {
  private readonly files: { path: string | null; bytes: number }[] = []
  private readonly places = new Map<string, number>()

  place({ path, bytes }: File): number {
    const known = path === null ? undefined : this.places.get(path)
    if (known === undefined) {
      const place = this.files.push({ path, bytes }) - 1
      if (path !== null) this.places.set(path, place)
      return place
    }
    const file = this.files[known]!
    file.bytes = Math.max(file.bytes, bytes)
    return known
  }

  /** Without the files of visits that found no room. */
  usedBy(visits: readonly RecordedVisit[]): Pick<Recording, 'files' | 'visits'> {
    const used = [...new Set(visits.map(({ file }) => file))]
    const places = new Map(used.map((file, place) => [file, place]))
    return {
      files: used.map((file) => this.files[file]!),
      visits: visits.map((visit) => ({ ...visit, file: places.get(visit.file)! })),
    }
  }
}
