// Syncs of uploads that are under way at the same time, made one where that is possible. Used by blob-root.ts and new-file.ts.
//
// Who asks waits for a sync that begins after that: one that is under way may have passed by what was just written. So there are rounds,
// and while one runs, the next one's members gather. A round of several is one syncfs(2); a round of few, and where syncfs says too little,
// is a sync for each, with one for all names of a folder. syncfs(2) tells an error once, and of whatever it was that was to be written: where
// it fails, it fails for its members, for who has asked meanwhile, and for everyone from then on.
import type { RequestHandle } from '../request-handle.ts'
import { requestSync } from '../requests.ts'
import { SharedSync } from './shared-sync.ts'

/** From this many on, one for all costs less than one for each. */
const roundMin = 4
/** What others have written to the file system goes with it. Where that takes as long, it is left alone for a while. */
const slowMs = 250
const restMs = 10_000

/** One sync of a whole file system. */
export interface SyncAll {
  /** st_dev of what it syncs. */
  readonly device: number
  /** Whether what it has written may still be in the device's cache. */
  readonly needsFlush: boolean
  /** Not while another one runs. */
  run(): Promise<void>
  /** Not while it runs. */
  close(): void
}

/** An open folder, and which one it is. */
export interface Folder {
  readonly fd: number
  readonly device: number
  readonly inode: number
}

const toError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)))

interface Member {
  readonly folder: Folder
  /** -1: only names of the folder. */
  readonly fileFd: number
  readonly withName: boolean
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

export class GroupSync {
  private readonly handle: RequestHandle
  /** null where there is none, or no more. */
  private all: SyncAll | null
  private readonly folders = new Map<string, SharedSync>()
  private waiting: Member[] = []
  private running = false
  private failure: Error | null = null
  private restsUntilMs = 0
  private onIdle: (() => void) | null = null

  constructor(handle: RequestHandle, all: SyncAll | null) {
    this.handle = handle
    this.all = all
  }

  /** What was written to a file of this folder, and what it takes to find it. */
  syncFile(folder: Folder, fileFd: number): Promise<void> {
    return this.join(folder, fileFd, false)
  }

  /** The name that a file has just got in this folder, and that it has one: the inode says so, too, and only a journal keeps both together. */
  syncName(folder: Folder, fileFd: number): Promise<void> {
    return this.join(folder, fileFd, true)
  }

  /** What the folder says of its files. */
  syncFolder(folder: Folder): Promise<void> {
    return this.join(folder, -1, true)
  }

  private join(folder: Folder, fileFd: number, withName: boolean): Promise<void> {
    if (this.failure !== null) return Promise.reject(this.failure)
    if (this.all?.device !== folder.device) return this.syncOne(folder, fileFd, withName)
    return new Promise((resolve, reject) => {
      const isFirst = this.waiting.push({ folder, fileFd, withName, resolve, reject }) === 1
      // Those whose requests came back together ask in the same turn.
      if (isFirst && !this.running) setImmediate(this.begin)
    })
  }

  private readonly begin = (): void => {
    const members = this.waiting
    this.waiting = []
    this.running = true
    const { all } = this
    const isRound = all !== null && members.length >= roundMin && performance.now() >= this.restsUntilMs
    void (isRound ? this.syncAll(all, members) : this.syncEach(members)).then(this.next)
  }

  private readonly next = (): void => {
    this.running = false
    if (this.waiting.length > 0) this.begin()
    else this.onIdle?.()
  }

  private async syncAll(all: SyncAll, members: readonly Member[]): Promise<void> {
    const startedMs = performance.now()
    try {
      await all.run()
      // What syncfs has written last may be in the device's cache: every fsync ends with a flush.
      if (all.needsFlush) await requestSync(this.handle, members[0]!.folder.fd, false)
      for (const { resolve } of members) resolve()
    } catch (error) {
      this.failure = toError(error)
      for (const { reject } of [...members, ...this.waiting]) reject(this.failure)
      this.waiting = []
    }
    const endedMs = performance.now()
    if (endedMs - startedMs > slowMs) this.restsUntilMs = endedMs + restMs
  }

  private async syncEach(members: readonly Member[]): Promise<void> {
    await Promise.all(
      members.map(({ folder, fileFd, withName, resolve, reject }) =>
        this.syncOne(folder, fileFd, withName).then(resolve, reject),
      ),
    )
  }

  private async syncOne(folder: Folder, fileFd: number, withName: boolean): Promise<void> {
    if (!withName) return requestSync(this.handle, fileFd, true)
    const name = this.syncNames(folder)
    // Both are waited for: nobody may close what the kernel still syncs.
    const [ofFile, ofName] = await Promise.allSettled([
      fileFd < 0 ? null : requestSync(this.handle, fileFd, false),
      name,
    ])
    for (const outcome of [ofFile, ofName]) if (outcome.status === 'rejected') throw outcome.reason
  }

  private syncNames(folder: Folder): Promise<void> {
    // An inode number may be too large for a double: then two folders may bear the same.
    const key = Number.isSafeInteger(folder.inode) ? `${folder.device}:${folder.inode}` : `fd:${folder.fd}`
    let shared = this.folders.get(key)
    if (shared === undefined) {
      shared = new SharedSync(() => this.folders.delete(key))
      this.folders.set(key, shared)
    }
    return shared.join(() => requestSync(this.handle, folder.fd, false))
  }

  /** From now on everybody gets a sync of their own. Resolves when what runs is over. */
  async close(): Promise<void> {
    const { all } = this
    this.all = null
    if (this.running || this.waiting.length > 0)
      await new Promise<void>((resolve) => {
        this.onIdle = resolve
      })
    all?.close()
  }
}
