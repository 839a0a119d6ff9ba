// "Is SQPOLL worth it here?": the answer in a sentence, and the figures it rests on. A pure function of two frames of one ring.

import type { LiveRing } from '../live-protocol.ts'
import { percent, short, whole } from './format.ts'
import { callSources, callsOfRing } from './calls.ts'
import { counterOf } from './history.ts'
import { counterSources } from './sources.ts'

export type Answer = 'yes' | 'partly' | 'no' | 'quiet' | 'none'

export interface VerdictFigure {
  readonly label: string
  readonly value: string
  readonly source: string
}

export interface Verdict {
  readonly answer: Answer
  /** One or two words. */
  readonly title: string
  readonly sentence: string
  /** Where the sentence's numbers come from. */
  readonly source: string
  readonly figures: readonly VerdictFigure[]
}

/** What is seen in less time is a moment's. */
const secondsJudgedMin = 3
/** Operations a second below which nothing can be told. */
const quietPerSecond = 20
/** Wake-ups an operation above which the SQ thread mostly sleeps when it is needed: each is the system call that it was to save. */
const wakeupsPerOperationMax = 0.5
const wakeupsPerOperationGood = 0.05
/** Of the time that it wanted a CPU, the share that a thread may wait for one. As services/advice.ts. */
const waitShareMax = 0.2

/** `then` and `now`: the same ring, `seconds` apart. What the kernel says of its threads may be of a moment before. */
export function judge(then: LiveRing, now: LiveRing, seconds: number): Verdict {
  return { ...answerOf(then, now, seconds), source: sentenceSource }
}

const sentenceSource = `what this ring's counters grew by in the last 10 s. Entries: ${counterSources.publishedEntries.source}. Calls: ${callSources.made}. Waits for a CPU: schedstat`

function answerOf(then: LiveRing, now: LiveRing, seconds: number): Omit<Verdict, 'source'> {
  const grown = (name: Parameters<typeof counterOf>[1]): number =>
    Math.max(0, counterOf(now, name) - counterOf(then, name))
  const operations = grown('publishedEntries')
  const { made } = callsOfRing(then, now)
  const wakeups = grown('sqWakeups')
  const perSecond = operations / seconds
  const span = `${seconds < 9.5 ? seconds.toFixed(0) : '10'} s`
  const askedSeconds = Math.max(0.001, (now.factsAtMs - then.factsAtMs) / 1000)
  const figures = figuresOf(then, now, askedSeconds, operations, made, wakeups)
  const calls = `${whole(made)} system call${made === 1 ? '' : 's'} for ${whole(operations)} entries`

  if (now.poller === 'threadpool') {
    return {
      answer: 'none',
      title: 'No io_uring',
      sentence: `This ring works without io_uring. Each operation is an ordinary system call on another thread: none is avoided.`,
      figures,
    }
  }
  if (now.poller !== 'kernel') {
    const by = (name: 'enterCalls' | 'workerEnterCalls'): string => `${short(grown(name) / seconds)} calls a second`
    // Little batches are not worth waking a worker for: the client submits them itself.
    const who =
      now.poller === 'caller'
        ? `your own thread tells the kernel of new entries (${by('enterCalls')})`
        : `your own thread tells the kernel of little batches (${by('enterCalls')}), the ring worker of the others (${by('workerEnterCalls')})`
    return {
      answer: 'none',
      title: 'Not used',
      sentence: `SQPOLL is off for this ring: ${who}. In the last ${span}: ${calls}.`,
      figures,
    }
  }
  if (seconds < secondsJudgedMin) {
    return {
      answer: 'quiet',
      title: 'Watching …',
      sentence: 'Looking for a few seconds before judging.',
      figures,
    }
  }
  if (perSecond < quietPerSecond) {
    return {
      answer: 'quiet',
      title: 'Too quiet to tell',
      sentence: now.asleep
        ? 'There is next to nothing to do, so the SQ thread sleeps and costs nothing. The next operation wakes it with one system call.'
        : 'There is next to nothing to do, and the SQ thread looks for entries that do not come. It goes to sleep soon.',
      figures,
    }
  }
  if (now.advice.cause !== 'none')
    return {
      answer: 'no',
      title: 'No',
      sentence: `${capital(now.advice.reason)} (poller ${now.advice.poller}).`,
      figures,
    }

  const perOperation = wakeups / operations
  const waitShare = Math.max(
    waitShareOf(then, now, 'client', askedSeconds),
    waitShareOf(then, now, 'poller', askedSeconds),
  )
  const said = `In the last ${span} the kernel's SQ thread picked up ${short(perSecond)} entries a second by itself: ${calls}`
  if (waitShare > waitShareMax) {
    return {
      answer: 'partly',
      title: 'Partly',
      sentence: `${said}. But threads waited for a CPU ${percent(waitShare)} of the time they wanted one: there are too few CPUs for one that polls.`,
      figures,
    }
  }
  if (perOperation > wakeupsPerOperationMax) {
    return {
      answer: 'no',
      title: 'No',
      sentence: `The load comes so sparsely that the SQ thread is asleep when an operation arrives: ${short(perOperation * 100)} wake-ups for 100 operations, each a system call. A caller that submits by itself would do as well.`,
      figures,
    }
  }
  if (perOperation > wakeupsPerOperationGood) {
    return {
      answer: 'partly',
      title: 'Partly',
      sentence: `${said}. It dozes off in between and has to be woken for ${percent(perOperation)} of them; batches or a longer idle time would save more.`,
      figures,
    }
  }
  return {
    answer: 'yes',
    title: 'Yes',
    sentence: `${said}. It costs the CPU time that the figures say, and saves the rest.`,
    figures,
  }
}

const capital = (text: string): string => text.slice(0, 1).toUpperCase() + text.slice(1)

function figuresOf(
  then: LiveRing,
  now: LiveRing,
  seconds: number,
  operations: number,
  made: number,
  wakeups: number,
): VerdictFigure[] {
  const figures: VerdictFigure[] = [
    {
      label: 'calls per 1,000',
      value: operations === 0 ? '–' : short((made / operations) * 1000),
      source: `last 10 s, for 1,000 entries published (ringmaster_ring_published_entries_total). ${callSources.made}`,
    },
    {
      label: 'wake-ups per 1,000',
      value: operations === 0 ? '–' : short((wakeups / operations) * 1000),
      source: 'ringmaster_ring_sq_wakeups_total / ringmaster_ring_published_entries_total, last 10 s',
    },
  ]
  if (now.sqThread !== null && then.sqThread !== null && now.sqThread.tid === then.sqThread.tid) {
    const ranNs = now.sqThread.totalNs - then.sqThread.totalNs
    const busyNs = now.sqThread.busyNs - then.sqThread.busyNs
    figures.push(
      {
        label: 'SQ thread, of one CPU',
        value: percent(ranNs / (seconds * 1e9)),
        source: 'fdinfo SqTotalTime; ringmaster_ring_sq_thread_seconds_total, last 10 s',
      },
      {
        label: 'of that useful',
        value: ranNs <= 0 ? '–' : percent(busyNs / ranNs),
        source:
          'fdinfo SqWorkTime / SqTotalTime; ringmaster_ring_sq_thread_busy_seconds_total. The kernel counts it coarsely at low load',
      },
    )
  } else if (now.poller === 'worker') {
    figures.push({
      label: 'worker, of one CPU',
      value: percent(shareOf(then.times.pollerRunNs, now.times.pollerRunNs, seconds)),
      source: 'schedstat of the ring worker, last 10 s',
    })
  }
  figures.push({
    label: 'waited for a CPU',
    value: percent(
      Math.max(
        shareOf(then.times.clientWaitNs, now.times.clientWaitNs, seconds),
        shareOf(then.times.pollerWaitNs, now.times.pollerWaitNs, seconds),
      ),
    ),
    source: 'schedstat; ringmaster_ring_run_queue_wait_seconds_total, the longer of client and poller, last 10 s',
  })
  return figures
}

const shareOf = (then: number | null, now: number | null, seconds: number): number =>
  then === null || now === null ? 0 : Math.max(0, now - then) / (seconds * 1e9)

/** Of the time a thread wanted a CPU, the share it had to wait; 0 for one that wanted little. */
function waitShareOf(then: LiveRing, now: LiveRing, thread: 'client' | 'poller', seconds: number): number {
  const waited = shareOf(then.times[`${thread}WaitNs`], now.times[`${thread}WaitNs`], seconds)
  const wanted = waited + shareOf(then.times[`${thread}RunNs`], now.times[`${thread}RunNs`], seconds)
  return wanted < 0.05 ? 0 : waited / wanted
}
