// What there is, found out by going through the root: how much below each folder with a quota, and what of it was used longest ago. Objects come
// and go meanwhile, and are counted by who writes and removes them; so only what is older than the walk is counted here, and what was removed
// meanwhile may have been seen or not: what is known is then a range, and a count within it is left as it is. Fed by keeper.ts when the service
// starts and by evictor.ts.
import type { BigIntStats } from 'node:fs'
import type { Accounts } from './accounts.ts'
import { OldestObjects } from './oldest.ts'
import type { Candidate } from './oldest.ts'
import { QuotaMatch, countedBytes } from './quota.ts'
import type { Recency } from './recency.ts'

/** The kernel's clock for files may be behind by a tick. */
const tickMs = 20
/** How often, while it is the first one, what was found so far is told. */
const tellEvery = 1024
/** For all quotas together: names of them, and as many again, are what is in memory. */
export const candidatesMax = 100_000

/** What is asked of a file. */
export interface CountedFile {
  readonly path: string
  readonly stats: Pick<BigIntStats, 'size' | 'ino' | 'atimeMs' | 'mtimeMs' | 'ctimeMs'>
}

interface Sum {
  bytes: number
  objects: number
}

export class Census {
  private readonly accounts: Accounts
  private readonly recency: Recency | null
  private readonly match: QuotaMatch
  private readonly isFirst: boolean
  private readonly startedMs = Date.now()
  private readonly before: readonly (Sum & { readonly removed: Sum })[]
  private readonly found: Sum[]
  private readonly uncertain: Sum[]
  private readonly told: Sum[]
  private readonly oldest: (OldestObjects | null)[]
  private files = 0

  /** `isFirst`: nothing is known but what was written since the service has started. */
  constructor(accounts: Accounts, recency: Recency | null, isFirst: boolean) {
    this.accounts = accounts
    this.recency = recency
    this.isFirst = isFirst
    const { quotas } = accounts
    this.match = new QuotaMatch(quotas)
    this.before = quotas.map((_, account) => ({
      bytes: this.stored(account, 'bytes'),
      objects: this.stored(account, 'objects'),
      removed: this.removedOf(account),
    }))
    const none = (): Sum => ({ bytes: 0, objects: 0 })
    this.found = quotas.map(none)
    this.uncertain = quotas.map(none)
    this.told = quotas.map(none)
    const evicting = Math.max(1, quotas.filter(({ whenFull }) => whenFull === 'evict').length)
    const each = Math.floor(candidatesMax / evicting)
    this.oldest = quotas.map(({ whenFull }) => (whenFull === 'evict' ? new OldestObjects(each) : null))
  }

  private stored(account: number, field: 'bytes' | 'objects'): number {
    return this.accounts.get(account, field) - this.accounts.reserved(account, field)
  }

  private removedOf(account: number): Sum {
    const { accounts } = this
    return { bytes: accounts.get(account, 'removedBytes'), objects: accounts.get(account, 'removedObjects') }
  }

  take({ path, stats }: CountedFile): void {
    const changedMs = Number(stats.ctimeMs)
    const isNew = changedMs > this.startedMs + tickMs
    const sizeBytes = Number(stats.size)
    const held = this.match.of(path)
    for (const account of held) {
      if (!isNew) addTo(this.found[account]!, countedBytes(sizeBytes))
      if (!isNew && changedMs >= this.startedMs - tickMs) addTo(this.uncertain[account]!, countedBytes(sizeBytes))
    }
    const candidate = this.candidateOf(path, stats, sizeBytes)
    for (const account of held) this.oldest[account]?.take(candidate)
    if (this.isFirst && ++this.files % tellEvery === 0) this.tell()
  }

  private candidateOf(path: string, stats: CountedFile['stats'], sizeBytes: number): Candidate {
    const touched = this.recency === null ? 0 : this.recency.of(Buffer.from(path, 'latin1'))
    // Of a time in the future nothing is to be learned.
    const known = Math.min(Math.max(Number(stats.atimeMs), Number(stats.mtimeMs)), this.startedMs) / 1000
    return {
      ...{ path, sizeBytes },
      inode: Number(stats.ino),
      changedMs: Number(stats.mtimeMs),
      usedSeconds: Math.max(touched, known),
    }
  }

  /** What was found so far counts already: a large root takes a while. */
  private tell(): void {
    this.found.forEach((found, account) => {
      for (const field of ['bytes', 'objects'] as const) {
        this.accounts.add(account, field, found[field] - this.told[account]![field])
        this.told[account]![field] = found[field]
      }
    })
  }

  /** All of it has been looked at: counts that cannot be are put right. Returns by how many bytes that was. */
  end(): number {
    let bytesOff = 0
    this.found.forEach((found, account) => {
      const before = this.before[account]!
      const removed = this.removedOf(account)
      for (const field of ['bytes', 'objects'] as const) {
        const least = found[field] - this.uncertain[account]![field]
        const most = found[field] + removed[field] - before.removed[field]
        const right = this.isFirst ? found[field] : Math.min(Math.max(before[field], least), most)
        const by = right - (this.isFirst ? this.told[account]![field] : before[field])
        this.accounts.add(account, field, by)
        if (field === 'bytes') bytesOff = Math.max(bytesOff, Math.abs(by))
      }
    })
    return bytesOff
  }

  /** Of each account that is evicted from: what was used longest ago is last. */
  candidates(): Candidate[][] {
    return this.oldest.map((oldest) => oldest?.latestFirst() ?? [])
  }
}

function addTo(sum: Sum, bytes: number): void {
  sum.bytes += bytes
  sum.objects++
}
