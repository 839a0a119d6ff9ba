// How a ring's threads spent a minute → whether it has the right poller, as a table.
import { expect, it } from 'vitest'
import { advise } from '../../../services/advice.ts'
import type { LoadSample } from '../../../services/advice.ts'
import type { Poller } from '../../../workers/poller-kind.ts'

const second = 1e9

/** What happened in the minute, in seconds. */
interface Minute {
  /** CPU time of the SQ thread, and how much of it was useful. */
  readonly sq?: { readonly ran: number; readonly worked: number }
  readonly client?: { readonly ran: number; readonly waited: number }
  readonly poller?: { readonly ran: number; readonly waited: number }
}

/** Two samples a minute apart: the threads are older than the minute. */
function samplesOf({ sq, client, poller }: Minute): LoadSample[] {
  const thread = (times: Minute['client'], share: number): LoadSample['client'] =>
    times === undefined
      ? null
      : { runNs: (500 + times.ran * share) * second, waitNs: (70 + times.waited * share) * second }
  return [0, 1].map((share) => ({
    atMs: 1000 + share * 60_000,
    sqThread:
      sq === undefined
        ? null
        : { totalNs: (300 + sq.ran * share) * second, busyNs: (200 + sq.worked * share) * second },
    client: thread(client, share),
    poller: thread(poller, share),
  }))
}

const idle = { ran: 0, waited: 0 }

// prettier-ignore
it.each<[string, Poller, Minute, string, string, RegExp]>([
  ['an SQ thread that works', 'kernel', { sq: { ran: 50, worked: 40 }, client: { ran: 50, waited: 1 }, poller: { ran: 50, waited: 1 } },
    'kernel', 'none', /^nothing speaks against it in the last 60\.0 s$/],
  ['an SQ thread that mostly burns', 'kernel', { sq: { ran: 50, worked: 1 }, client: { ran: 5, waited: 0 }, poller: { ran: 50, waited: 0 } },
    'caller', 'burning', /^the SQ thread ran for 50\.0 s in the last 60\.0 s and worked for 2 % of it: a system call/],
  ['an SQ thread that works for just under a tenth', 'kernel', { sq: { ran: 60, worked: 5.9 } }, 'caller', 'burning', /10 %/],
  ['an SQ thread that works for a tenth', 'kernel', { sq: { ran: 60, worked: 6 } }, 'kernel', 'none', /nothing/],
  ['an SQ thread that burns, but hardly ever runs', 'kernel', { sq: { ran: 2.9, worked: 0 } }, 'kernel', 'none', /nothing/],
  ['an SQ thread that sleeps', 'kernel', { sq: { ran: 0, worked: 0 }, client: idle, poller: idle }, 'kernel', 'none', /nothing/],
  ['a kernel that does not say what SQ threads do', 'kernel', { client: { ran: 60, waited: 0 }, poller: { ran: 60, waited: 0 } },
    'kernel', 'none', /nothing/],
  ['client and SQ thread on one CPU', 'kernel',
    { sq: { ran: 30, worked: 15 }, client: { ran: 30, waited: 30 }, poller: { ran: 30, waited: 30 } },
    'caller', 'contended', /^the client's thread waited for a CPU for 50 % of the time it wanted one in the last 60\.0 s/],
  ['an SQ thread that waits for others', 'kernel',
    { sq: { ran: 30, worked: 15 }, client: { ran: 50, waited: 5 }, poller: { ran: 30, waited: 20 } },
    'caller', 'contended', /^the poller's thread waited for a CPU for 40 %/],
  ['waits of a fifth', 'kernel', { sq: { ran: 40, worked: 30 }, client: { ran: 40, waited: 10 }, poller: { ran: 40, waited: 10 } },
    'kernel', 'none', /nothing/],
  ['a client that waits while its SQ thread sleeps: for somebody else', 'kernel',
    { sq: { ran: 0, worked: 0 }, client: { ran: 30, waited: 30 }, poller: idle }, 'kernel', 'none', /nothing/],
  ['waits of threads that hardly wanted to run', 'kernel',
    { sq: { ran: 4, worked: 4 }, client: { ran: 1, waited: 1 }, poller: { ran: 4, waited: 0 } }, 'kernel', 'none', /nothing/],
  ['a worker that fights with the client', 'worker', { client: { ran: 30, waited: 25 }, poller: { ran: 30, waited: 25 } },
    'caller', 'contended', /45 %/],
  ['a worker with a CPU of its own', 'worker', { client: { ran: 60, waited: 1 }, poller: { ran: 60, waited: 0 } }, 'worker', 'none', /nothing/],
  ['a caller, however long it waits', 'caller', { client: { ran: 30, waited: 30 } }, 'caller', 'none', /^nothing polls for it$/],
  ['a kernel that counts nothing', 'worker', {}, 'worker', 'none', /nothing speaks/],
])('%s', (_, poller, minute, advised, cause, reason) => {
  const advice = advise(poller, samplesOf(minute))
  expect(advice).toMatchObject({ poller: advised, cause })
  expect(advice.reason).toMatch(reason)
})

it('is about the time between the first and the last sample', () => {
  const [first, last] = samplesOf({ sq: { ran: 50, worked: 1 } })
  const middle = { ...first!, atMs: 2000, sqThread: { totalNs: 0, busyNs: 0 } }
  expect(advise('kernel', [first!, middle, last!])).toEqual(advise('kernel', [first!, last!]))
})

it('is none without two samples of two moments', () => {
  const [first, last] = samplesOf({ sq: { ran: 50, worked: 1 } })
  for (const samples of [[], [first!], [first!, { ...last!, atMs: first!.atMs }]])
    expect(advise('kernel', samples)).toEqual({
      poller: 'kernel',
      cause: 'none',
      reason: 'not watched for long enough',
    })
})
