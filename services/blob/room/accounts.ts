// What is stored below each folder that has a quota, in memory that all instances share: so much, and so many, with what is reserved for uploads
// that are under way. Who takes room looks and takes in one step, so that no two get the same. Used by room.ts in each instance, and by
// evictor.ts and census.ts in the thread that started them.
import type { Quota } from './quota.ts'

const fields = [
  'bytes',
  'objects',
  // What waits for room.
  'wantedBytes',
  'wantedObjects',
  // What was there and is not any more, whoever removed it: it only grows.
  'removedBytes',
  'removedObjects',
  'evictedBytes',
  'evictedObjects',
  'refusals',
] as const
export type Field = (typeof fields)[number]
const at = Object.fromEntries(fields.map((field, index) => [field, index])) as Record<Field, number>

/** Reserved by an instance: bytes and objects of each account. */
const reservedNumbers = 2

const Word = { clock: 0, freed: 1, first: 2 } as const
const wordsEach = 2
const Flag = { asked: 0, dry: 1 } as const

export interface AccountsMemory {
  readonly quotas: readonly Quota[]
  readonly counts: SharedArrayBuffer
  readonly words: SharedArrayBuffer
}

export function accountsMemory(quotas: readonly Quota[], instances: number): AccountsMemory {
  const numbers = quotas.length * (fields.length + instances * reservedNumbers)
  return {
    quotas,
    counts: new SharedArrayBuffer(numbers * BigInt64Array.BYTES_PER_ELEMENT),
    words: new SharedArrayBuffer((Word.first + quotas.length * wordsEach) * Int32Array.BYTES_PER_ELEMENT),
  }
}

export type AccountReading = Readonly<Record<Field, number>>

export class Accounts {
  readonly quotas: readonly Quota[]
  private readonly counts: BigInt64Array
  private readonly words: Int32Array

  constructor({ quotas, counts, words }: AccountsMemory) {
    this.quotas = quotas
    this.counts = new BigInt64Array(counts)
    this.words = new Int32Array(words)
  }

  get(account: number, field: Field): number {
    return Number(Atomics.load(this.counts, account * fields.length + at[field]))
  }

  add(account: number, field: Field, by: number): void {
    if (by !== 0) Atomics.add(this.counts, account * fields.length + at[field], BigInt(by))
  }

  read(account: number): AccountReading {
    return Object.fromEntries(fields.map((field) => [field, this.get(account, field)])) as Record<Field, number>
  }

  /** Takes so much where it fits, and says whether it does. */
  tryAdd(account: number, field: 'bytes' | 'objects', by: number, max: number | null): boolean {
    const index = account * fields.length + at[field]
    for (;;) {
      const now = Atomics.load(this.counts, index)
      const next = now + BigInt(by)
      if (by > 0 && max !== null && next > BigInt(max)) return false
      if (Atomics.compareExchange(this.counts, index, now, next) === now) return true
    }
  }

  // What an instance has reserved, so that it can be given back when the instance ends.

  private reservedAt(instance: number, account: number): number {
    const { length } = this.quotas
    return length * fields.length + (instance * length + account) * reservedNumbers
  }

  reserve(instance: number, account: number, bytes: number, objects: number): void {
    const index = this.reservedAt(instance, account)
    if (bytes !== 0) Atomics.add(this.counts, index, BigInt(bytes))
    if (objects !== 0) Atomics.add(this.counts, index + 1, BigInt(objects))
  }

  /** What is counted of an account, but not there yet. */
  reserved(account: number, field: 'bytes' | 'objects'): number {
    const numberAt = field === 'bytes' ? 0 : 1
    let sum = 0
    for (let instance = 0; this.reservedAt(instance, account) < this.counts.length; instance++)
      sum += Number(Atomics.load(this.counts, this.reservedAt(instance, account) + numberAt))
    return sum
  }

  /** An instance has ended, with whatever it was writing. */
  releaseAll(instance: number): void {
    this.quotas.forEach((_, account) => {
      const index = this.reservedAt(instance, account)
      this.add(account, 'bytes', -Number(Atomics.exchange(this.counts, index, 0n)))
      this.add(account, 'objects', -Number(Atomics.exchange(this.counts, index + 1, 0n)))
    })
    this.tellFreed()
  }

  // Words that are waited for.

  /** Seconds since 1970, as the owner has them: nobody else asks a clock. */
  get nowSeconds(): number {
    return Atomics.load(this.words, Word.clock) >>> 0
  }

  set nowSeconds(seconds: number) {
    Atomics.store(this.words, Word.clock, seconds | 0)
  }

  /** Changes whenever there may be room. */
  get freed(): number {
    return Atomics.load(this.words, Word.freed)
  }

  tellFreed(): void {
    Atomics.add(this.words, Word.freed, 1)
    Atomics.notify(this.words, Word.freed)
  }

  /** Resolves when there may be more room than when `freed` was read, or after `msMax`. */
  async whenFreed(freed: number, msMax: number): Promise<void> {
    const wait = Atomics.waitAsync(this.words, Word.freed, freed, msMax)
    if (wait.async) await wait.value
  }

  /** Whether nobody has asked the owner for room since it last looked: then it is to be told. */
  ask(account: number): boolean {
    return Atomics.exchange(this.words, this.flagAt(account, Flag.asked), 1) === 0
  }

  takeAsked(account: number): void {
    Atomics.store(this.words, this.flagAt(account, Flag.asked), 0)
  }

  /** The owner has looked, and there is nothing that could be removed. */
  isDry(account: number): boolean {
    return Atomics.load(this.words, this.flagAt(account, Flag.dry)) !== 0
  }

  setDry(account: number, isDry: boolean): void {
    Atomics.store(this.words, this.flagAt(account, Flag.dry), Number(isDry))
  }

  private flagAt(account: number, flag: number): number {
    return Word.first + account * wordsEach + flag
  }
}
