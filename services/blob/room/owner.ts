// The accounts of a blob service as the thread that started it has them: made before the instances, evicting once they run. Used by service.ts.
import { registerPlane, type MetricsRegistry } from '../../../metrics/exporter.ts'
import type { ServiceLog } from '../../http/exchange.ts'
import { Keeper } from '../keeper.ts'
import type { RoomTask } from '../protocol.ts'
import { Accounts, accountsMemory } from './accounts.ts'
import { Evictor } from './evictor.ts'
import type { Candidate } from './oldest.ts'
import { checkQuotas } from './quota.ts'
import type { Quota } from './quota.ts'
import { Recency, recencyMemory } from './recency.ts'
import { roomPlane } from './room-plane.ts'

export interface EvictingService {
  readonly root: string
  readonly log: ServiceLog
  /** An instance removes them, and says how many were. */
  readonly remove: (victims: readonly Candidate[]) => Promise<number>
}

export class RoomOwner {
  readonly task: RoomTask
  private readonly accounts: Accounts
  private evictor: Evictor | null = null

  /** @throws TypeError, RangeError */
  constructor(quotas: readonly Quota[], instances: number) {
    checkQuotas(quotas)
    const evicts = quotas.some(({ whenFull }) => whenFull === 'evict')
    this.task = { accounts: accountsMemory(quotas, instances), recency: evicts ? recencyMemory() : null }
    this.accounts = new Accounts(this.task.accounts)
  }

  /** Goes through the root: what is stored is counted by the one walk that looks for temporary files, too. */
  begin({ root, log, remove }: EvictingService): Keeper {
    const { accounts, task } = this
    const recency = task.recency === null ? null : new Recency(task.recency, accounts)
    const evictor = new Evictor({ root, log, accounts, recency, remove })
    this.evictor = evictor
    const census = evictor.newCensus(true)
    const keeper = new Keeper(root, log, (found) => {
      census.take(found)
    })
    evictor.begin(census, keeper.done)
    return keeper
  }

  ask(account: number): void {
    this.evictor?.ask(account)
  }

  /** The root is another one, perhaps. */
  recount(): void {
    this.evictor?.recount()
  }

  /** An instance has ended. */
  release(instance: number): void {
    this.accounts.releaseAll(instance)
  }

  register(registry: MetricsRegistry): () => void {
    const { accounts } = this
    return registerPlane(registry, roomPlane, () =>
      accounts.quotas.map((quota, account) => ({
        labels: [`/${quota.folder}`],
        reading: { quota, stored: accounts.read(account) },
      })),
    )
  }

  async stop(): Promise<void> {
    await this.evictor?.stop()
  }
}
