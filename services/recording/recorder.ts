// Records what is done to the files of a folder, while somebody wants it: which file, which operation, where and how much, in the order of each file's
// opening. It stands between the HTTP service and storage, where requests still know their file; the rings know nothing of it. Made by
// services/blob/resident.ts and services/cli/plain-files.ts; asked for GET /trace. While nobody records, opening a file looks at one field more.
import type { Stats } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Folder, StoredFile } from '../http/storage.ts'
import { recordingFormat, recordingLimits, recordingVersion } from './format.ts'
import type { RecordedOperation, RecordedVisit, Recording } from './format.ts'
import type { RecordedPart } from './sum.ts'

export class FileRecorder implements Folder {
  private readonly inner: Folder
  private readonly sessions = new Set<Session>()

  constructor(inner: Folder) {
    this.inner = inner
  }

  open(path: Buffer, flags: number): Promise<StoredFile> {
    return this.sessions.size === 0 ? this.inner.open(path, flags) : this.openRecorded(path, flags)
  }

  /** For so many seconds, or until `signal` says that it is enough. Files that are open when it begins are not in it. */
  async record(seconds: number, sampleEvery: number, signal: AbortSignal): Promise<Recording> {
    return (await this.recordPart(seconds, sampleEvery, signal)).recording
  }

  /** As record(), for who adds up what several threads have recorded. */
  async recordPart(seconds: number, sampleEvery: number, signal: AbortSignal): Promise<RecordedPart> {
    const session = new Session(sampleEvery)
    this.sessions.add(session)
    await sleep(seconds * 1000, undefined, { signal }).catch(() => undefined)
    this.sessions.delete(session)
    return session.end()
  }

  private async openRecorded(path: Buffer, flags: number): Promise<StoredFile> {
    const visits = [...this.sessions].map((session) => session.begin(path)).filter((visit) => visit !== null)
    if (visits.length === 0) return this.inner.open(path, flags)
    for (const visit of visits) visit.enter(['open'])
    try {
      return new RecordedFile(await this.inner.open(path, flags), visits)
    } catch (error) {
      for (const visit of visits) visit.refuse()
      throw error
    } finally {
      for (const visit of visits) visit.leave()
    }
  }
}

class RecordedFile implements StoredFile {
  readonly fd: number
  private readonly file: StoredFile
  private readonly visits: readonly Visit[]

  constructor(file: StoredFile, visits: readonly Visit[]) {
    this.fd = file.fd
    this.file = file
    this.visits = visits
  }

  read(buffer: Uint8Array, offset: number, length: number, position: number): Promise<{ bytesRead: number }> {
    return this.during(['read', position, length], this.file.read(buffer, offset, length, position))
  }

  async stat(): Promise<Stats> {
    const stats = await this.during(['stat'], this.file.stat())
    for (const visit of this.visits) visit.isOf(stats.size)
    return stats
  }

  close(): Promise<void> {
    return this.during(['close'], this.file.close())
  }

  private async during<Result>(operation: RecordedOperation, done: Promise<Result>): Promise<Result> {
    for (const visit of this.visits) visit.enter(operation)
    try {
      return await done
    } finally {
      for (const visit of this.visits) visit.leave()
    }
  }
}

/** One file's opening in one recording. */
class Visit {
  readonly operations: RecordedOperation[] = []
  readonly file: { readonly path: string | null; bytes: number }
  readonly atMs: number
  refused = false
  private readonly session: Session

  constructor(session: Session, file: Visit['file'], atMs: number) {
    this.session = session
    this.file = file
    this.atMs = atMs
  }

  enter(operation: RecordedOperation): void {
    if (this.session.hasRoom()) this.operations.push(operation)
    this.session.change(1)
  }

  leave(): void {
    this.session.change(-1)
  }

  isOf(sizeBytes: number): void {
    this.file.bytes = sizeBytes
  }

  /** It could not be opened: there is nothing to do again. */
  refuse(): void {
    this.refused = true
  }
}

class Session {
  private readonly sampleEvery: number
  private readonly startedMs = performance.now()
  private readonly files = new Map<string, Visit['file']>()
  private readonly visits: Visit[] = []
  private seen = 0
  private dropped = 0
  private operations = 0
  private over = false
  private underWay = 0
  private changedMs = 0
  /** Time in which anything was under way, and that of each that was, added up. */
  private busyMs = 0
  private spentMs = 0

  constructor(sampleEvery: number) {
    this.sampleEvery = sampleEvery
  }

  begin(path: Buffer): Visit | null {
    if (this.seen++ % this.sampleEvery !== 0) return null
    const { visitsMax, operationsMax } = recordingLimits
    if (this.visits.length >= visitsMax || this.operations >= operationsMax) {
      this.dropped++
      return null
    }
    const key = path.toString('latin1')
    let file = this.files.get(key)
    if (file === undefined) {
      const text = path.toString('utf8')
      file = { path: Buffer.from(text).equals(path) ? text : null, bytes: 0 }
      this.files.set(key, file)
    }
    const visit = new Visit(this, file, performance.now() - this.startedMs)
    this.visits.push(visit)
    return visit
  }

  /** For one more operation. */
  hasRoom(): boolean {
    return !this.over && this.operations++ < recordingLimits.operationsMax
  }

  change(by: 1 | -1): void {
    if (this.over) return
    const nowMs = performance.now()
    if (this.underWay > 0) {
      this.busyMs += nowMs - this.changedMs
      this.spentMs += (nowMs - this.changedMs) * this.underWay
    }
    this.changedMs = nowMs
    this.underWay = Math.max(0, this.underWay + by)
  }

  end(): RecordedPart {
    this.over = true
    const seconds = (performance.now() - this.startedMs) / 1000
    const done = this.visits.filter(({ refused, operations }) => !refused && operations.length > 0)
    const places = new Map([...new Set(done.map(({ file }) => file))].map((file, place) => [file, place]))
    const visits: RecordedVisit[] = done.map(({ file, atMs, operations }) => {
      return { file: places.get(file)!, atMs: Math.round(atMs * 1000) / 1000, operations }
    })
    const recording: Recording = {
      format: recordingFormat,
      version: recordingVersion,
      startedMs: performance.timeOrigin + this.startedMs,
      seconds,
      dropped: this.dropped,
      sampleEvery: this.sampleEvery,
      inFlight: this.busyMs === 0 ? 0 : this.spentMs / this.busyMs,
      files: [...places.keys()],
      visits,
    }
    return { recording, busyMs: this.busyMs }
  }
}
