// The loader of the addon: one addon for each thread, and where there is none, one error that says what to do, each time it is asked.
import { once } from 'node:events'
import { describe, expect, test } from 'vitest'
import { PollState, binding } from '../../native/binding.ts'
import { runForResult, startThread } from './support/programs.ts'

describe('binding()', () => {
  test('is the same each time', () => {
    expect(binding()).toBe(binding())
  })

  test('offers what its declaration says, and nothing else', () => {
    const declared = [
      ...[
        'Executor',
        'Watcher',
        'addressOf',
        'affinity',
        'call',
        'callNumbers',
        'closeFd',
        'detach',
        'enter',
        'eventfd',
      ],
      ...[
        'hold',
        'map',
        'ownDescriptors',
        'pollSlice',
        'register',
        'release',
        'setAffinity',
        'setup',
        'signal',
        'table',
        'threadId',
        'view',
      ],
    ]
    expect(Object.keys(binding()).sort()).toEqual(declared.sort())
    expect(Object.values(binding()).every((value) => typeof value === 'function')).toBe(true)
  })

  test('ends a slice of the poller in one of three ways, which fit beside the count of system calls', () => {
    expect(Object.values(PollState)).toEqual([0, 1, 2])
  })

  test('fails with the same ERR_RING_UNAVAILABLE each time, without trying again', async () => {
    const outcome = await runForResult<Record<string, unknown>>('failing-binding', {
      env: { RINGMASTER_ADDON: '/nowhere/ringmaster.node' },
    })
    expect(outcome).toMatchObject({ code: 'ERR_RING_UNAVAILABLE', reason: 'addon', same: true })
    expect(outcome['message']).toContain('/nowhere/ringmaster.node cannot be loaded')
  })

  test('loads in a thread whose process has it already, and again after that thread has gone', async () => {
    for (let round = 0; round < 5; round++) {
      const thread = startThread('ring-user', { workerData: { seed: round, operations: 10 } })
      const exit = once(thread, 'exit')
      const [{ completed, threadId }] = (await once(thread, 'message')) as [{ completed: number; threadId: number }]
      expect(completed).toBe(10)
      expect(threadId).not.toBe(binding().threadId())
      await exit
    }
  })
})
