// Facts about a machine → rings and poller, as a table; and what a cgroup grants, as the kernel writes it.
import { expect, it } from 'vitest'
import { parseQuota } from '../../services/machine.ts'
import { place } from '../../services/placement.ts'

const allowed = { ok: true } as const
const denied = { ok: false, message: 'the reason' } as const

it.each([
  [{ effectiveCpus: 1, sqpoll: allowed }, { rings: 'auto', poller: 'auto' }, { rings: 1, poller: 'caller' }, /1 CPU:/],
  [
    { effectiveCpus: 1.5, sqpoll: allowed },
    { rings: 'auto', poller: 'auto' },
    { rings: 1, poller: 'caller' },
    /1.5 CPUs/,
  ],
  [{ effectiveCpus: 0.25, sqpoll: allowed }, { rings: 'auto', poller: 'auto' }, { rings: 1, poller: 'caller' }, /CPU/],
  [
    { effectiveCpus: 2, sqpoll: allowed },
    { rings: 'auto', poller: 'auto' },
    { rings: 1, poller: 'kernel' },
    /SQPOLL.*2 CPUs$/,
  ],
  [
    { effectiveCpus: 2, sqpoll: denied },
    { rings: 'auto', poller: 'auto' },
    { rings: 1, poller: 'caller' },
    /the reason/,
  ],
  [
    { effectiveCpus: 8, rings: denied, sqpoll: denied },
    { rings: 'auto', poller: 'auto' },
    { rings: 2, poller: 'threadpool' },
    /^no io_uring, system calls on threads instead: the reason$/,
  ],
  [
    { effectiveCpus: 1, sqpoll: allowed },
    { rings: 2, poller: 'threadpool' },
    { rings: 2, poller: 'threadpool' },
    /^set by option$/,
  ],
  [{ effectiveCpus: 8, sqpoll: allowed }, { rings: 'auto', poller: 'auto' }, { rings: 2, poller: 'kernel' }, /8 CPUs$/],
  [{ effectiveCpus: 128, sqpoll: allowed }, { rings: 'auto', poller: 'auto' }, { rings: 8, poller: 'kernel' }, /128/],
  [
    { effectiveCpus: 2, sqpoll: allowed },
    { rings: 5, poller: 'auto' },
    { rings: 5, poller: 'kernel' },
    /6 threads may spin/,
  ],
  [
    { effectiveCpus: 1, sqpoll: denied },
    { rings: 1, poller: 'worker' },
    { rings: 1, poller: 'worker' },
    /option.*2 threads/,
  ],
  [
    { effectiveCpus: 4, sqpoll: allowed },
    { rings: 3, poller: 'caller' },
    { rings: 3, poller: 'caller' },
    /^set by option$/,
  ],
] as const)('%o and %o give %o', (facts, wishes, expected, reason) => {
  const placement = place(facts, wishes)
  expect(placement).toMatchObject(expected)
  expect(placement.reason).toMatch(reason)
})

it.each([
  ['max 100000', Infinity],
  ['50000 100000', 0.5],
  ['250000 100000', 2.5],
  ['-1 100000', Infinity],
  ['0 100000', Infinity],
  ['', Infinity],
  [' ', Infinity],
  ['50000', Infinity],
  ['100000 0', Infinity],
  ['nonsense here', Infinity],
])('the quota %j grants %d CPUs', (text, cpus) => {
  expect(parseQuota(text)).toBe(cpus)
})
