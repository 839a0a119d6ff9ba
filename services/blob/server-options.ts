// What a BlobServer is made with. Used by blob-server.ts, resident.ts and service.ts.
import type { RingHandle } from '../../workers/ring-handle.ts'
import type { ServiceLog } from '../http/exchange.ts'
import type { HttpCounters } from '../http/http-counters.ts'
import type { HttpLevels } from '../http/http-plane.ts'
import type { Folder } from '../http/storage.ts'
import type { KnownToken } from './access.ts'
import type { DialectName } from './dialects/index.ts'
import type { Fence } from './fence.ts'
import type { BlobLimits } from './limits.ts'
import type { NameLocks } from './name-locks.ts'
import type { Durability } from './put.ts'
import type { Room } from './room/room.ts'
import type { BlobStore } from './store.ts'

export interface BlobServerOptions {
  /** Rings of this thread: each accepts, and keeps what it has accepted. */
  readonly handles: readonly RingHandle[]
  readonly folder: Folder
  readonly log: ServiceLog
  readonly limits?: Partial<BlobLimits>
  readonly counters?: HttpCounters
  /** As FileService's. */
  readonly precompressed?: boolean
  /** PUT, DELETE, OPTIONS and lists; default: none of them. */
  readonly objects?: BlobObjects | null
  /** How objects may be asked for; default: raw. */
  readonly dialects?: readonly DialectName[]
  /** Who may do what; default: everybody everything. */
  readonly tokens?: readonly KnownToken[] | null
  /** Whether who has no token may read. Default false. */
  readonly anonymousReads?: boolean
  /** Told whenever what is open and held has changed: of buffers, some seconds later. */
  readonly onChange?: (levels: HttpLevels) => void
  /** Whether it has more connections than others that accept from the same socket: then the next one is left to them. */
  readonly isAhead?: () => boolean
}

/** What the service does beyond files that are asked for. */
export interface BlobObjects {
  readonly store: BlobStore
  readonly fence: Fence
  /** Shared with whoever else writes to the root. */
  readonly locks: NameLocks
  readonly durability: Durability
  /** Where what is stored has limits. */
  readonly room?: Room | null
}

export interface ListenAt {
  readonly host: string
  /** 0 for any free port. */
  readonly port: number
  /** Descriptor of a socket that listens already: instead of host and port. */
  readonly fd?: number | undefined
}
