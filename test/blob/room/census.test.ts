// What is stored is counted while others write: a count that can be right is left as it is, one that cannot is put right, and of any number of
// objects only so many are in memory.
import { describe, expect, it } from 'vitest'
import { Accounts, accountsMemory } from '../../../services/blob/room/accounts.ts'
import { Census } from '../../../services/blob/room/census.ts'
import type { CountedFile } from '../../../services/blob/room/census.ts'
import { OldestObjects } from '../../../services/blob/room/oldest.ts'
import type { Candidate } from '../../../services/blob/room/oldest.ts'
import type { Quota } from '../../../services/blob/room/quota.ts'
import { Recency, recencyMemory } from '../../../services/blob/room/recency.ts'

const kib = 1024
const quotaOf = (folder: string): Quota => ({ folder, sizeBytesMax: 2 ** 30, objectsMax: null, whenFull: 'evict' })
const accountsOf = (...folders: string[]): Accounts => new Accounts(accountsMemory(folders.map(quotaOf), 2))

interface Aged {
  readonly kibs?: number
  readonly ageMs?: number
  readonly usedMs?: number
}

function found(path: string, { kibs = 4, ageMs = 60_000, usedMs }: Aged = {}): CountedFile {
  const at = (ms: number): bigint => BigInt(Date.now() - ms)
  const times = { ctimeMs: at(ageMs), mtimeMs: at(ageMs), atimeMs: at(usedMs ?? ageMs) }
  return { path, stats: { size: BigInt(kibs * kib), ino: 1n, ...times } }
}

describe('a count', () => {
  it('is what was found, for each folder above it, and what was written meanwhile', () => {
    const accounts = accountsOf('', 'a', 'a/b')
    const census = new Census(accounts, null, true)
    census.take(found('one'))
    census.take(found('a/two'))
    census.take(found('a/b/three', { kibs: 5 }))
    census.take(found('ab/four'))
    for (const account of [0, 1]) accounts.add(account, 'bytes', 4 * kib) // a/five, by an instance
    census.take(found('a/five', { ageMs: -1_000 }))
    census.end()
    expect([0, 1, 2].map((account) => accounts.get(account, 'bytes') / kib)).toEqual([24, 16, 8])
    expect([0, 1, 2].map((account) => accounts.get(account, 'objects'))).toEqual([4, 2, 1])
  })

  it('that can be right stays: what was removed meanwhile may have been seen, or not', () => {
    const accounts = accountsOf('')
    accounts.add(0, 'bytes', 12 * kib)
    const census = new Census(accounts, null, false)
    census.take(found('seen'))
    census.take(found('seen-and-removed'))
    for (let removed = 0; removed < 2; removed++) {
      accounts.add(0, 'bytes', -4 * kib)
      accounts.add(0, 'removedBytes', 4 * kib)
    }
    expect(census.end()).toBe(0)
    expect(accounts.get(0, 'bytes')).toBe(4 * kib)
  })

  it('has nothing of what is only reserved', () => {
    const accounts = accountsOf('')
    accounts.add(0, 'bytes', 12 * kib)
    accounts.reserve(1, 0, 4 * kib, 0)
    const census = new Census(accounts, null, false)
    census.take(found('one'))
    census.take(found('two'))
    expect(census.end()).toBe(0)
    expect(accounts.get(0, 'bytes')).toBe(12 * kib)
  })

  it.each([
    ['too high', 40, 8],
    ['too low', 0, 8],
  ])('that is %s is put right', (_, before, right) => {
    const accounts = accountsOf('')
    accounts.add(0, 'bytes', before * kib)
    const census = new Census(accounts, null, false)
    census.take(found('one'))
    census.take(found('two'))
    census.end()
    expect(accounts.get(0, 'bytes')).toBe(right * kib)
  })
})

it('candidates are in the order of their last use, by whoever knows of a later one', () => {
  const accounts = accountsOf('')
  accounts.nowSeconds = Math.floor(Date.now() / 1000)
  const recency = new Recency(recencyMemory(), accounts)
  recency.touch(Buffer.from('read-here'))
  const census = new Census(accounts, recency, false)
  census.take(found('read-here', { ageMs: 9_000_000 }))
  census.take(found('read-before', { ageMs: 8_000_000, usedMs: 3_000_000 }))
  census.take(found('written-before', { ageMs: 5_000_000 }))
  census.take(found('in-the-future', { ageMs: 6_000_000, usedMs: -9_000_000 }))
  expect(census.candidates()[0]!.map(({ path }) => path)).toEqual([
    'in-the-future',
    'read-here',
    'read-before',
    'written-before',
  ])
})

it('the oldest of many are the oldest of all', () => {
  const oldest = new OldestObjects(10)
  const all: Candidate[] = Array.from({ length: 1_000 }, (_, index) => {
    const usedSeconds = (index * 7919) % 1_000
    return { path: String(usedSeconds), inode: index, sizeBytes: 0, changedMs: 0, usedSeconds }
  })
  for (const candidate of all) oldest.take(candidate)
  expect(oldest.latestFirst().map(({ usedSeconds }) => usedSeconds)).toEqual([9, 8, 7, 6, 5, 4, 3, 2, 1, 0])
})

it('what an instance had reserved is there again when it ends', () => {
  const accounts = accountsOf('')
  accounts.tryAdd(0, 'bytes', 8 * kib, null)
  accounts.reserve(1, 0, 8 * kib, 0)
  accounts.releaseAll(0)
  expect(accounts.get(0, 'bytes')).toBe(8 * kib)
  accounts.releaseAll(1)
  expect(accounts.get(0, 'bytes')).toBe(0)
})
