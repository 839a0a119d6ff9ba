// Room for uploads, as an instance takes it: before a byte is written, and as the upload grows. Where there is none, it is refused, or waits a
// while for what is evicted (evictor.ts, in the thread that started the service). Used by put.ts, object-service.ts and evict.ts.
import { httpError } from '../../http/http-error.ts'
import type { HttpError } from '../../http/http-error.ts'
import type { Accounts } from './accounts.ts'
import { QuotaMatch, countedBytes } from './quota.ts'
import type { Quota } from './quota.ts'

/** Who was not woken looks again. */
const lookAgainMs = 1_000
/** From here on room is made before anybody has to wait for it; until it is less than `enough`. */
export const highMark = 0.95
export const lowMark = 0.9

export interface RoomOptions {
  readonly accounts: Accounts
  readonly instance: number
  /** Tells the owner that an account is full, or nearly so. */
  readonly ask: (account: number) => void
  /** How long an upload waits for room. */
  readonly waitMsMax: number
}

export class Room {
  readonly accounts: Accounts
  private readonly options: RoomOptions
  private readonly match: QuotaMatch

  constructor(options: RoomOptions) {
    this.options = options
    this.accounts = options.accounts
    this.match = new QuotaMatch(options.accounts.quotas)
  }

  /** Room for an upload of which nothing has come yet. `find`: how large the object is that it replaces; null: there is none. */
  hold(path: string, find: () => Promise<number | null>): Reservation {
    return new Reservation(this, this.match.of(path), find)
  }

  /** An object is not there any more. */
  removed(path: string, sizeBytes: number, evicted: boolean): void {
    const { accounts } = this
    const bytes = countedBytes(sizeBytes)
    for (const account of this.match.of(path)) {
      countRemoved(accounts, account, bytes, 1)
      accounts.add(account, 'bytes', -bytes)
      accounts.add(account, 'objects', -1)
      if (!evicted) continue
      accounts.add(account, 'evictedBytes', bytes)
      accounts.add(account, 'evictedObjects', 1)
    }
    if (!evicted) accounts.tellFreed() // of evictions their owner tells
  }

  /** Takes all of it in all accounts, or nothing. Returns the account that has no room; -1: they all had. @internal */
  tryTake(held: readonly number[], bytes: number, objects: number): number {
    const { accounts } = this
    const { instance } = this.options
    for (let index = 0; index < held.length; index++) {
      const account = held[index]!
      const { sizeBytesMax, objectsMax } = accounts.quotas[account]!
      // Reserved first: a count that is taken between both is rather too high.
      accounts.reserve(instance, account, bytes, objects)
      if (accounts.tryAdd(account, 'bytes', bytes, sizeBytesMax)) {
        if (accounts.tryAdd(account, 'objects', objects, objectsMax)) continue
        accounts.add(account, 'bytes', -bytes)
      }
      accounts.reserve(instance, account, -bytes, -objects)
      this.undo(held.slice(0, index), bytes, objects)
      return account
    }
    for (const account of held) this.askEarly(account)
    return -1
  }

  private undo(held: readonly number[], bytes: number, objects: number): void {
    for (const account of held) {
      this.accounts.add(account, 'bytes', -bytes)
      this.accounts.add(account, 'objects', -objects)
      this.accounts.reserve(this.options.instance, account, -bytes, -objects)
    }
  }

  private askEarly(account: number): void {
    const { sizeBytesMax, objectsMax, whenFull } = this.accounts.quotas[account]!
    if (whenFull !== 'evict') return
    const isHigh =
      (sizeBytesMax !== null && this.accounts.get(account, 'bytes') > sizeBytesMax * highMark) ||
      (objectsMax !== null && this.accounts.get(account, 'objects') > objectsMax * highMark)
    if (isHigh) this.ask(account)
  }

  private ask(account: number): void {
    if (this.accounts.ask(account)) this.options.ask(account)
  }

  /** @throws HttpError 507 @internal */
  async take(held: readonly number[], bytes: number, objects: number): Promise<void> {
    let freed = this.accounts.freed
    let full = this.tryTake(held, bytes, objects)
    if (full < 0) return
    const untilMs = performance.now() + this.options.waitMsMax
    while (full >= 0) {
      this.ask(full)
      const leftMs = untilMs - performance.now()
      if (leftMs <= 0 || !this.mayGetRoom(full, bytes, objects)) throw this.refusal(full)
      await this.wait(full, bytes, objects, freed, Math.min(leftMs, lookAgainMs))
      freed = this.accounts.freed
      full = this.tryTake(held, bytes, objects)
    }
  }

  private async wait(account: number, bytes: number, objects: number, freed: number, msMax: number): Promise<void> {
    const { accounts } = this
    accounts.add(account, 'wantedBytes', bytes)
    accounts.add(account, 'wantedObjects', objects)
    try {
      await accounts.whenFreed(freed, msMax)
    } finally {
      accounts.add(account, 'wantedBytes', -bytes)
      accounts.add(account, 'wantedObjects', -objects)
    }
  }

  private mayGetRoom(account: number, bytes: number, objects: number): boolean {
    const { sizeBytesMax, objectsMax, whenFull } = this.accounts.quotas[account]!
    const fits = bytes <= (sizeBytesMax ?? Infinity) && objects <= (objectsMax ?? Infinity)
    return whenFull === 'evict' && fits && !this.accounts.isDry(account)
  }

  private refusal(account: number): HttpError {
    this.accounts.add(account, 'refusals', 1)
    const quota = this.accounts.quotas[account]!
    return httpError(507, 'no room', undefined, textOf(quota))
  }

  /** @internal */
  giveBack(held: readonly number[], bytes: number, objects: number): void {
    this.undo(held, bytes, objects)
    if (bytes > 0 || objects > 0) this.accounts.tellFreed()
  }

  /** What was reserved is there now, and as long as it is. @internal */
  keep(held: readonly number[], bytes: number, objects: number): void {
    for (const account of held) this.accounts.reserve(this.options.instance, account, -bytes, -objects)
  }
}

/** For the client: only of a folder that it has named itself. */
function textOf({ folder, sizeBytesMax, objectsMax }: Quota): string {
  const limits = [
    ...(sizeBytesMax === null ? [] : [`${sizeBytesMax} bytes`]),
    ...(objectsMax === null ? [] : [`${objectsMax} objects`]),
  ]
  const where = folder === '' ? 'the store' : `"${folder}"`
  return `no room: ${where} may hold ${limits.join(' and ')}, and this does not fit`
}

function countRemoved(accounts: Accounts, account: number, bytes: number, objects: number): void {
  accounts.add(account, 'removedBytes', bytes)
  accounts.add(account, 'removedObjects', objects)
}

/** Room that one upload has. */
export class Reservation {
  private readonly room: Room
  private readonly held: readonly number[]
  private readonly find: () => Promise<number | null>
  private bytes = 0
  private objects = 0
  /** Of what it replaces: that does not count against it, and is there twice for as long as the upload takes. */
  private replaced: number | null | undefined

  /** @internal */
  constructor(room: Room, held: readonly number[], find: () => Promise<number | null>) {
    this.room = room
    this.held = held
    this.find = find
  }

  /** For so many bytes in all. @throws HttpError 507 */
  async ensure(sizeBytes: number): Promise<void> {
    let [bytes, objects] = this.missing(sizeBytes)
    if (bytes === 0 && objects === 0) return
    if (this.room.tryTake(this.held, bytes, objects) >= 0) {
      if (this.replaced === undefined) this.replaced = await this.find()
      ;[bytes, objects] = this.missing(sizeBytes)
      await this.room.take(this.held, bytes, objects)
    }
    this.bytes += bytes
    this.objects += objects
  }

  private missing(sizeBytes: number): [bytes: number, objects: number] {
    const replaced = this.replaced ?? null
    const bytes = countedBytes(sizeBytes) - (replaced === null ? 0 : countedBytes(replaced)) - this.bytes
    const objects = (replaced === null ? 1 : 0) - this.objects
    return [Math.max(0, bytes), Math.max(0, objects)]
  }

  /** It has its name. `replacedBytes`: of what had it before; null: nothing had. */
  settle(sizeBytes: number, replacedBytes: number | null): void {
    const { room, held } = this
    const replaced = replacedBytes === null ? null : countedBytes(replacedBytes)
    const bytes = countedBytes(sizeBytes) - (replaced ?? 0)
    const objects = replaced === null ? 1 : 0
    room.keep(held, this.bytes, this.objects)
    for (const account of held) {
      if (replaced !== null) countRemoved(room.accounts, account, replaced, 1)
      room.accounts.add(account, 'bytes', bytes - this.bytes)
      room.accounts.add(account, 'objects', objects - this.objects)
      room.accounts.setDry(account, false) // here is something that could be removed
    }
    if (bytes < this.bytes || objects < this.objects) room.accounts.tellFreed()
    this.bytes = 0
    this.objects = 0
  }

  /** Gives back what was not settled. */
  release(): void {
    this.room.giveBack(this.held, this.bytes, this.objects)
    this.bytes = 0
    this.objects = 0
  }
}
