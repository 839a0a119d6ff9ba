// The plane of storage: the file systems that folders are served from. Registered by services/cli/daemon-metrics.ts; to add a metric, copy a
// row.
import { atMost, type Plane } from '../plane.ts'

/** As statvfs(3) says it, for those without privileges. */
export interface StorageReading {
  readonly sizeBytes: number
  readonly availableBytes: number
  /** 0 where the file system makes inodes as it needs them. */
  readonly inodes: number
  readonly inodesAvailable: number
  /** The file system, not only this mount of it. */
  readonly readOnly: boolean
}

// prettier-ignore
export const storagePlane: Plane<StorageReading> = {
  name: 'storage',
  subjectLabels: ['root'],
  // Roots are options of the daemon.
  labelRules: { root: atMost(64) },
  rows: [
    { name: 'ringmaster_storage_size_bytes', type: 'gauge', unit: 'bytes', labels: [],
      help: 'Size of the file system that the folder is on.', read: ({ sizeBytes }, sample) => sample(sizeBytes) },
    { name: 'ringmaster_storage_available_bytes', type: 'gauge', unit: 'bytes', labels: [],
      help: 'Space on that file system that those without privileges may use; as of the scrape before this one.',
      read: ({ availableBytes }, sample) => sample(availableBytes) },
    { name: 'ringmaster_storage_inodes', type: 'gauge', unit: 'count', labels: [],
      help: 'Inodes of the file system that the folder is on; absent where it makes them as it needs them.',
      read: ({ inodes }, sample) => { if (inodes > 0) sample(inodes) } },
    { name: 'ringmaster_storage_inodes_available', type: 'gauge', unit: 'count', labels: [],
      help: 'Inodes that are free; absent where the file system makes them as it needs them.',
      read: ({ inodes, inodesAvailable }, sample) => { if (inodes > 0) sample(inodesAvailable) } },
    { name: 'ringmaster_storage_read_only', type: 'gauge', unit: 'count', labels: [],
      help: 'Whether nobody can write to that file system: 1 for images that are full by design, and for one remounted after errors.',
      read: ({ readOnly }, sample) => sample(readOnly ? 1 : 0) },
  ],
}
