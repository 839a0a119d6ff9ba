// The contract of the buffer pool: bounded, fair, and never two holders of one buffer.
import { describe, expect, it } from 'vitest'
import { BufferPool } from '../../services/http/buffer-pool.ts'

const limits = { bufferBytes: 16, buffersMax: 2, waitersMax: 2, waitMsMax: 60_000 }
const never = new AbortController().signal
const full = { name: 'HttpError', status: 503 }

const drained = (pool: BufferPool): Uint8Array[] => {
  const buffers: Uint8Array[] = []
  for (let buffer = pool.tryLease(); buffer !== undefined; buffer = pool.tryLease()) buffers.push(buffer)
  return buffers
}

describe('a buffer pool', () => {
  it('lends as many different buffers as it may make, and no more', () => {
    const pool = new BufferPool(limits)
    expect(new Set(drained(pool)).size).toBe(2)
    expect(pool.inUse).toBe(2)
    expect(pool.tryLease()).toBeUndefined()
  })

  it('lends what comes back again', () => {
    const pool = new BufferPool(limits)
    const [first] = drained(pool)
    pool.release(first!)
    expect(pool.tryLease()).toBe(first)
  })

  it('gives a returned buffer to whoever waited longest', async () => {
    const pool = new BufferPool(limits)
    const [first, second] = drained(pool)
    const order: string[] = []
    const waits = ['a', 'b'].map((name) => pool.lease(never).then(() => order.push(name)))
    pool.release(first!)
    pool.release(second!)
    await Promise.all(waits)
    expect(order).toEqual(['a', 'b'])
    expect(pool.inUse).toBe(2)
  })

  it('lends nothing for read-ahead while somebody waits', async () => {
    const pool = new BufferPool({ ...limits, buffersMax: 1 })
    const [only] = drained(pool)
    const wait = pool.lease(never)
    pool.release(only!)
    expect(pool.tryLease()).toBeUndefined()
    expect(await wait).toBe(only)
  })

  it('refuses when too many wait', async () => {
    const pool = new BufferPool(limits)
    const buffers = drained(pool)
    const waits = [pool.lease(never), pool.lease(never)]
    await expect(pool.lease(never)).rejects.toMatchObject(full)
    for (const buffer of buffers) pool.release(buffer)
    await Promise.all(waits)
  })

  it('refuses when the wait is too long', async () => {
    const pool = new BufferPool({ ...limits, waitMsMax: 1 })
    drained(pool)
    await expect(pool.lease(never)).rejects.toMatchObject(full)
    expect(pool.waiting).toBe(0)
  })

  it('lets a client that went away step out of the queue', async () => {
    const pool = new BufferPool(limits)
    const [first] = drained(pool)
    const client = new AbortController()
    const wait = pool.lease(client.signal)
    client.abort()
    await expect(wait).rejects.toMatchObject(full)
    pool.release(first!)
    expect(pool.tryLease()).toBe(first)
  })
})
