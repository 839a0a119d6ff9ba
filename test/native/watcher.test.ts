// The Watcher brings an eventfd into the event loop of its thread, as any other event of the loop: with context, errors and references.
import { AsyncLocalStorage, executionAsyncId } from 'node:async_hooks'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { binding } from '../../native/binding.ts'
import type { EventWatcher } from '../../native/binding.ts'
import { printSeed, randomFrom, seed } from './support/random.ts'
import { runForResult, runProcess, startThread } from './support/programs.ts'

const addon = binding()
let eventFd: number
const watchers: EventWatcher[] = []

beforeEach(() => {
  eventFd = addon.eventfd()
})

afterEach(() => {
  for (const watcher of watchers.splice(0)) watcher.close()
  addon.closeFd(eventFd)
})

function watch(callback: () => void, fd = eventFd): EventWatcher {
  const watcher = new addon.Watcher(fd, callback)
  watchers.push(watcher)
  return watcher
}

/** A turn of the event loop, with its poll phase. */
const turn = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(() => {
      setImmediate(resolve)
    })
  })

describe('a signal', () => {
  test('runs the callback in a later turn of the event loop, once for each that had a turn of its own', async () => {
    let calls = 0
    watch(() => calls++)
    for (let expected = 1; expected <= 5; expected++) {
      addon.signal(eventFd)
      expect(calls).toBe(expected - 1)
      await turn()
      expect(calls).toBe(expected)
    }
  })

  test('and others before the callback runs are one call', async () => {
    let calls = 0
    watch(() => calls++)
    for (let times = 0; times < 100; times++) addon.signal(eventFd)
    await turn()
    await turn()
    expect(calls).toBe(1)
  })

  test('that came before the watcher is not lost', async () => {
    addon.signal(eventFd)
    let calls = 0
    watch(() => calls++)
    await turn()
    expect(calls).toBe(1)
  })

  test('from another thread wakes this one, as often as it must: none is lost (seeded race)', async () => {
    printSeed('signals of another thread')
    const total = 20_000
    const shared = new Int32Array(new SharedArrayBuffer(8))
    let seen = 0
    const all = new Promise<void>((resolve) => {
      watch(() => {
        seen = Atomics.load(shared, 0)
        if (seen === total) resolve()
      }).ref()
    })
    const thread = startThread('signaller', { workerData: { eventFd, shared, total, seed } })
    const exit = once(thread, 'exit')
    await all
    await exit
    expect(seen).toBe(total)
  })

  test('finds its own watcher among several', async () => {
    const fds = Array.from({ length: 8 }, () => addon.eventfd())
    const calls = fds.map(() => 0)
    for (const [index, fd] of fds.entries()) watch(() => calls[index]!++, fd)
    const random = randomFrom(seed)
    printSeed('several watchers')
    const expected = fds.map(() => 0)
    for (let round = 0; round < 50; round++) {
      const index = random.below(fds.length)
      addon.signal(fds[index]!)
      expected[index]!++
      await turn()
    }
    expect(calls).toEqual(expected)
    for (const watcher of watchers.splice(0)) watcher.close()
    for (const fd of fds) addon.closeFd(fd)
  })
})

describe('close()', () => {
  test('ends it: nothing more is called, and the descriptor stays open', async () => {
    let calls = 0
    const watcher = watch(() => calls++)
    addon.signal(eventFd)
    watcher.close()
    await turn()
    expect(calls).toBe(0)
    expect(addon.signal(eventFd)).toBe(8)
  })

  test('may be repeated, also from inside the callback, and ref() and unref() after it do nothing', async () => {
    let calls = 0
    const watcher = watch(() => {
      calls++
      watcher.close()
      watcher.close()
    })
    addon.signal(eventFd)
    await turn()
    addon.signal(eventFd)
    await turn()
    expect(calls).toBe(1)
    watcher.ref()
    watcher.unref()
    watcher.close()
  })

  test('lets the descriptor be watched again', async () => {
    watch(() => undefined).close()
    await turn()
    let calls = 0
    watch(() => calls++)
    addon.signal(eventFd)
    await turn()
    expect(calls).toBe(1)
  })
})

describe('a watcher that cannot be made throws, and the next one can', () => {
  const regular = openSync(import.meta.filename, 'r')
  test.each([
    ['a closed descriptor', 99_999, () => undefined, 'bad file descriptor'],
    ['a regular file', regular, () => undefined, 'operation not permitted'],
    ['no function', -2, undefined, 'expected a descriptor and a function'],
    ['no number', 'fd', () => undefined, 'expected a descriptor and a function'],
  ] as [string, unknown, unknown, string][])('%s', (_, fd, callback, message) => {
    expect(() => {
      Reflect.construct(addon.Watcher, [fd, callback])
    }).toThrow(message)
    watch(() => undefined)
  })

  test('a descriptor that is watched already', () => {
    watch(() => undefined)
    expect(() => watch(() => undefined)).toThrow('file already exists')
    closeSync(regular)
  })
})

describe('the callback is an event like any other', () => {
  test('AsyncLocalStorage has the store of where the watcher was made', async () => {
    const storage = new AsyncLocalStorage<string>()
    const seen: (string | undefined)[] = []
    storage.run('maker', () => watch(() => seen.push(storage.getStore())))
    storage.run('signaller', () => addon.signal(eventFd))
    await turn()
    expect(seen).toEqual(['maker'])
  })

  test('it has an async id of its own', async () => {
    const ids: number[] = []
    watch(() => ids.push(executionAsyncId()))
    addon.signal(eventFd)
    await turn()
    expect(ids[0]).toBeGreaterThan(1)
    expect(ids[0]).not.toBe(executionAsyncId())
  })

  test('microtasks and ticks of it run before the next event', async () => {
    const order: string[] = []
    watch(() => {
      process.nextTick(() => order.push('tick'))
      void Promise.resolve().then(() => order.push('microtask'))
      order.push('callback')
    })
    addon.signal(eventFd)
    await new Promise((resolve) => {
      setImmediate(() => {
        setImmediate(resolve)
      })
    })
    expect(order).toEqual(['callback', 'tick', 'microtask'])
  })

  test('what it throws reaches uncaughtException, each time, and the watcher and the addon go on', async () => {
    const outcome = await runForResult<Record<string, unknown>>('watcher-throws')
    expect(outcome).toEqual({
      caught: ['thrown 1', 'thrown 2', 'in a tick 3', 'rejected 4'],
      origins: ['uncaughtException', 'uncaughtException', 'uncaughtException', 'unhandledRejection'],
      calls: 5,
      answers: true,
    })
  })

  test('what it throws ends a process that does not listen, with the error’s own text', async () => {
    const { code, stderr } = await runProcess('watcher-throws', { args: ['unheard'] })
    expect(code).toBe(1)
    expect(stderr).toContain('Error: thrown 1')
  })
})

describe('whether the process ends', () => {
  test.each([
    ['a new watcher lets it', [], 'ended'],
    ['a ref’d watcher keeps it', ['ref'], 'signalled'],
    ['an unref’d one lets it again', ['ref', 'unref'], 'ended'],
    ['a closed one lets it', ['ref', 'close'], 'ended'],
    ['ref() twice counts once', ['ref', 'ref', 'unref'], 'ended'],
    ['one that closes itself lets it', ['ref', 'closes-itself'], 'signalled'],
  ])('%s', async (_, args, expected) => {
    expect(await runForResult<string>('watcher-references', { args })).toBe(expected)
  })
})
