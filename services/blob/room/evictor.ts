// The owner of the accounts: counts what is there when the service starts, and makes room where it is asked for, by removing what nobody has read
// for longest. It only chooses; instances remove (evict.ts). Made by service.ts, in its thread.
//
//   an instance asks ─► candidates left? ─ no ─► a walk (census.ts) ─┐
//                             └ yes ─► oldest first, not used since ─┴─► an instance removes them ─► enough? ─► who waits is told
import type { ServiceLog } from '../../http/exchange.ts'
import { isTemporaryName } from '../temporary-files.ts'
import { walkTree } from '../tree-walk.ts'
import type { Accounts } from './accounts.ts'
import { Census } from './census.ts'
import type { Candidate } from './oldest.ts'
import { countedBytes } from './quota.ts'
import type { Recency } from './recency.ts'
import { lowMark } from './room.ts'

const batchMax = 64
/** Where nothing may be evicted, somebody may have made room: so often that is looked after. */
const restMs = 60_000
/** Nobody is in a hurry to know the time. */
const clockMs = 1_000

export interface EvictorOptions {
  readonly root: string
  readonly log: ServiceLog
  readonly accounts: Accounts
  /** null where nothing is evicted. */
  readonly recency: Recency | null
  /** Has them removed, and says how many were. */
  readonly remove: (victims: readonly Candidate[]) => Promise<number>
}

interface Amount {
  readonly bytes: number
  readonly objects: number
}

export class Evictor {
  private readonly options: EvictorOptions
  private readonly stopper = new AbortController()
  private readonly timer: NodeJS.Timeout
  private candidates: Candidate[][]
  private walkedMs = -Infinity
  /** One thing after the other. */
  private work: Promise<void> = Promise.resolve()

  constructor(options: EvictorOptions) {
    this.options = options
    this.candidates = options.accounts.quotas.map(() => [])
    this.tick()
    this.timer = setInterval(() => {
      this.tick()
    }, clockMs)
    this.timer.unref()
  }

  private tick(): void {
    this.options.accounts.nowSeconds = Math.floor(Date.now() / 1000)
  }

  /** Everything waits for the first census, which is somebody else's walk. Never rejects, and it need not be waited for. */
  begin(census: Census, walked: Promise<void>): void {
    this.queue(async () => {
      await walked
      this.adopt(census)
    })
  }

  newCensus(isFirst: boolean): Census {
    return new Census(this.options.accounts, this.options.recency, isFirst)
  }

  private adopt(census: Census): void {
    if (this.stopper.signal.aborted) return // not all of it was looked at
    const bytesOff = census.end()
    this.candidates = census.candidates()
    this.walkedMs = performance.now()
    this.options.log.debug({ bytesOff }, 'what is stored has been counted')
    this.options.accounts.tellFreed()
  }

  /** The root is another one, perhaps. */
  recount(): void {
    this.queue(() => this.walk())
  }

  /** An instance asks for room. */
  ask(account: number): void {
    this.queue(() => this.makeRoom(account))
  }

  private queue(job: () => Promise<void>): void {
    this.work = this.work.then(async () => {
      if (this.stopper.signal.aborted) return
      try {
        await job()
      } catch (error) {
        this.options.log.warn({ err: error }, 'making room failed')
      }
    })
  }

  private async walk(): Promise<void> {
    const { root, log } = this.options
    const { signal } = this.stopper
    const census = this.newCensus(false)
    const onError = (path: string, error: unknown): void => {
      log.debug({ path, err: error }, 'could not be looked at')
    }
    for await (const found of walkTree(root, { signal, onError })) {
      if (!isTemporaryName(found.name)) census.take(found)
    }
    this.adopt(census)
  }

  private async makeRoom(account: number): Promise<void> {
    const { accounts } = this.options
    accounts.takeAsked(account)
    if (accounts.quotas[account]!.whenFull === 'evict') await this.evict(account)
    else if (performance.now() - this.walkedMs > restMs) await this.walk()
  }

  private async evict(account: number): Promise<void> {
    const { accounts, log, remove } = this.options
    accounts.setDry(account, false)
    // At a time no more than half of what there is: who waits may be many, and each would find room for itself alone.
    const atLeast = { bytes: accounts.get(account, 'bytes') / 2, objects: accounts.get(account, 'objects') / 2 }
    let isDry = false
    let removed = 0
    let removedOfList = 1
    /** Words of the recency that others share: where nothing else is left, they say nothing. */
    let trusts = true
    let fresh = false
    while (!this.stopper.signal.aborted) {
      const excess = this.excess(account, atLeast)
      if (excess.bytes === 0 && excess.objects === 0) break
      const victims = this.choose(account, excess, trusts)
      if (victims.length === 0) {
        if (fresh && removedOfList === 0) {
          isDry = !trusts
          if (isDry) break
          trusts = false
        }
        await this.walk()
        fresh = true
        removedOfList = 0
        continue
      }
      const done = await remove(victims)
      removed += done
      removedOfList += done
      accounts.tellFreed()
    }
    accounts.setDry(account, isDry)
    accounts.tellFreed()
    log.debug({ folder: accounts.quotas[account]!.folder, removed, isDry }, 'evicted')
  }

  /** What is to be removed for enough to be free, with what is waited for. */
  private excess(account: number, atLeast: Amount): Amount {
    const { accounts } = this.options
    const { sizeBytesMax, objectsMax } = accounts.quotas[account]!
    const over = (stored: number, wanted: number, max: number | null, least: number): number =>
      max === null ? 0 : Math.max(0, stored - Math.max(least, Math.min(max * lowMark, max - wanted)))
    const { bytes, objects, wantedBytes, wantedObjects } = accounts.read(account)
    return {
      bytes: over(bytes, wantedBytes, sizeBytesMax, atLeast.bytes),
      objects: over(objects, wantedObjects, objectsMax, atLeast.objects),
    }
  }

  /** The next ones, as many as it takes. */
  private choose(account: number, excess: Amount, trusts: boolean): Candidate[] {
    const { recency } = this.options
    const left = this.candidates[account]!
    const chosen: Candidate[] = []
    for (let bytes = 0; left.length > 0 && chosen.length < batchMax;) {
      if (bytes >= excess.bytes && chosen.length >= excess.objects) break
      const candidate = left.pop()!
      const usedSeconds = trusts ? (recency?.of(Buffer.from(candidate.path, 'latin1')) ?? 0) : 0
      if (usedSeconds > candidate.usedSeconds) continue
      chosen.push(candidate)
      bytes += countedBytes(candidate.sizeBytes)
    }
    return chosen
  }

  /** Resolves when nothing is under way. */
  async stop(): Promise<void> {
    clearInterval(this.timer)
    this.stopper.abort()
    await this.work
  }
}
