// The planes of the daemon: whether it is ready and alive, as /readyz and /livez say it, and how full its roots are. Registered by file-daemon.ts; to add
// a metric, copy a row.
import { statfs } from 'node:fs/promises'
import { atMost, type Plane, type Subject } from '../../metrics/plane.ts'

export interface DaemonReading {
  readonly ready: boolean
  readonly live: boolean
}

// prettier-ignore
export const daemonPlane: Plane<DaemonReading> = {
  name: 'daemon',
  subjectLabels: [],
  labelRules: {},
  rows: [
    { name: 'ringmaster_daemon_ready', type: 'gauge', unit: 'boolean', labels: [],
      help: 'Whether requests may be sent here, as /readyz says: 1 or 0.', read: ({ ready }, sample) => sample(ready ? 1 : 0) },
    { name: 'ringmaster_daemon_live', type: 'gauge', unit: 'boolean', labels: [],
      help: 'Whether the process is worth keeping, as /livez says: 1 or 0.', read: ({ live }, sample) => sample(live ? 1 : 0) },
  ],
}

/** Of the file system that a root is in: statfs(2). */
export interface StorageReading {
  readonly sizeBytes: number
  /** To users without privileges. */
  readonly availableBytes: number
  readonly inodes: number
  readonly inodesAvailable: number
}

// prettier-ignore
export const storagePlane: Plane<StorageReading> = {
  name: 'storage',
  subjectLabels: ['root'],
  labelRules: { root: atMost(64) },
  rows: [
    { name: 'ringmaster_storage_size_bytes', type: 'gauge', unit: 'bytes', labels: [],
      help: 'Size of the file system that the root is in.', read: ({ sizeBytes }, sample) => sample(sizeBytes) },
    { name: 'ringmaster_storage_available_bytes', type: 'gauge', unit: 'bytes', labels: [],
      help: 'Space of that file system that is left for users without privileges.', read: ({ availableBytes }, sample) => sample(availableBytes) },
    { name: 'ringmaster_storage_inodes', type: 'gauge', unit: 'count', labels: [],
      help: 'Inodes of the file system that the root is in; 0 where it does not count them.', read: ({ inodes }, sample) => sample(inodes) },
    { name: 'ringmaster_storage_inodes_available', type: 'gauge', unit: 'count', labels: [],
      help: 'Inodes of that file system that are left.', read: ({ inodesAvailable }, sample) => sample(inodesAvailable) },
  ],
}

/** Keeps asking how full a root is. A scrape gets what the one before has asked for: a file system that hangs must not hang the scrape. */
export class StorageWatch {
  private readonly root: string
  private latest: StorageReading | null = null
  private asking: Promise<void> | null = null

  constructor(root: string) {
    this.root = root
  }

  /** Asks, and resolves when it is known. What cannot be known is missing in the metrics. */
  refresh(): Promise<void> {
    this.asking ??= this.ask().finally(() => {
      this.asking = null
    })
    return this.asking
  }

  private async ask(): Promise<void> {
    try {
      const { bsize, blocks, bavail, files, ffree } = await statfs(this.root)
      const [sizeBytes, availableBytes] = [blocks * bsize, bavail * bsize]
      this.latest = { sizeBytes, availableBytes, inodes: files, inodesAvailable: ffree }
    } catch {
      this.latest = null
    }
  }

  readonly subjects = (): Subject<StorageReading>[] => {
    void this.refresh()
    return this.latest === null ? [] : [{ labels: [this.root], reading: this.latest }]
  }
}
