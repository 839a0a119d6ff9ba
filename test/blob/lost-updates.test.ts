// Writers with conditions, on several rings: of those who have seen the same version, one may replace it.
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, describe, expect, it } from 'vitest'
import { NameLocks, nameLockMemory } from '../../services/blob/name-locks.ts'
import { BlobService } from '../../services/blob/service.ts'
import { Ringmaster } from '../../services/ringmaster.ts'
import { temporaryFolder } from '../services/harness.ts'
import { say } from './objects.ts'

const folder = temporaryFolder()
afterAll(() => {
  folder.remove()
})
const ignored = (): void => undefined

it.each(['full', 'none'] as const)('with durability %s, one of eight in each round', async (durability) => {
  const root = join(folder.path, durability)
  mkdirSync(root)
  await using rings = await Ringmaster.start({ rings: 2, poller: 'caller' })
  const service = await BlobService.start({
    ...{ rings, root, host: '127.0.0.1', port: 0, durability, limits: { validatorSettleMs: 0 } },
    log: { debug: ignored, info: ignored, warn: ignored, error: ignored },
  })
  const { port } = service.address
  let { etag = '' } = (await say(port, 'PUT', '/b/counter', 'start')).headers
  for (let round = 0; round < 25; round++) {
    const writers = await Promise.all(
      Array.from({ length: 8 }, async (_, writer) => {
        const text = `${round}-${writer}`
        // Each has a connection of its own, which either ring may have.
        const answer = await say(port, 'PUT', '/b/counter', text, { 'If-Match': etag })
        return { text, status: answer.status, etag: answer.headers.etag ?? '' }
      }),
    )
    const won = writers.filter(({ status }) => status === 204)
    expect(writers.filter(({ status }) => status === 412)).toHaveLength(7)
    expect(won).toHaveLength(1)
    expect(readFileSync(join(root, 'counter'), 'utf8')).toBe(won[0]!.text)
    etag = won[0]!.etag
  }
  const removed = await Promise.all(
    Array.from(
      { length: 6 },
      async () => (await say(port, 'DELETE', '/b/counter', undefined, { 'If-Match': etag })).status,
    ),
  )
  expect(removed.sort()).toEqual([204, 412, 412, 412, 412, 412])
  await service.drain(0)
})

describe('a name', () => {
  const name = Buffer.from('name')

  it('is held by one at a time, of several instances', async () => {
    const memory = nameLockMemory()
    const instances = [new NameLocks(memory, 0), new NameLocks(memory, 1)]
    let holders = 0
    const order: number[] = []
    await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        instances[index % 2]!.hold(7, name, async () => {
          expect(++holders).toBe(1)
          await sleep(1)
          order.push(index)
          holders--
        }),
      ),
    )
    expect(order.sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  })

  it('is free again after a failure, and when the instance that held it has ended', async () => {
    const memory = nameLockMemory()
    const locks = new NameLocks(memory, 0)
    await expect(locks.hold(7, name, () => Promise.reject(new Error('of a test')))).rejects.toThrow('of a test')
    void new NameLocks(memory, 1).hold(7, name, () => new Promise<never>(ignored))
    let held = false
    const waits = locks.hold(7, name, () => {
      held = true
      return Promise.resolve()
    })
    await sleep(5)
    expect(held).toBe(false)
    NameLocks.release(memory, 1)
    await waits
    expect(held).toBe(true)
  })
})
