// The table of rings: one column each, from left to right. To add one, copy its neighbour and give it a place.
import { bar, name, numberColumn, part, rateColumn, size, stageColumns, type Column, type Table } from '../column.ts'
import type { QueueFill, RingRow } from '../snapshot.ts'
import { styleOfShare, type Style } from '../style.ts'

/** The most in the interval: a queue that was full for a moment is what one wants to see. */
const shareOf = (queue: QueueFill | null): number =>
  queue === null || queue.entries === 0 ? NaN : queue.filledMax / queue.entries

const queueColumn = (title: string, about: string, of: (row: RingRow) => QueueFill | null): Column<RingRow> => ({
  title,
  about,
  width: 5,
  widthMax: 16,
  align: 'left',
  rank: 1,
  text: (row, width) => bar(shareOf(of(row)), width),
  style: (row) => styleOfShare(shareOf(of(row))),
  value: (row) => shareOf(of(row)),
})

const threadStyles: Readonly<Record<RingRow['thread'], Style | null>> = {
  busy: 'good',
  idle: 'warning',
  asleep: 'faint',
  none: 'faint',
  gone: 'bad',
  unknown: 'faint',
}

export const ringsTable: Table<RingRow> = {
  name: 'rings',
  sorted: { title: 'RING', descending: false },
  empty: 'no rings',
  columns: [
    {
      title: 'RING',
      about: 'its number; 0.3 is the ring that the attached thread 3 has beside ring 0',
      width: 4,
      align: 'left',
      rank: 0,
      text: ({ ring, client }) => (client === 0 ? String(ring) : `${ring}.${client}`),
      style: () => 'strong',
      value: ({ ring, client }) => ring + client / 1e6,
    },
    {
      title: 'POLLER',
      about: 'who turns queue entries into I/O',
      width: 6,
      widthMax: 10,
      align: 'left',
      rank: 1,
      text: ({ poller }, width) => name(poller, width),
      value: ({ poller }) => poller,
    },
    queueColumn('SQ', 'submission queue: the most of it that was filled in any frame of the interval', ({ sq }) => sq),
    queueColumn('CQ', 'completion queue: the same', ({ cq }) => cq),
    numberColumn(
      'INFL',
      'requests in flight: the kernel has them and has not completed them',
      0,
      (row: RingRow) => row.inFlight,
      { style: ({ inFlight, inFlightMax }) => (inFlight >= inFlightMax ? 'bad' : null) },
    ),
    numberColumn('WAIT', 'requests that wait for a place in the ring', 6, (row: RingRow) => row.backlog, {
      style: ({ backlog }) => (backlog > 0 ? 'warning' : null),
    }),
    rateColumn('OP/S', 'operations completed a second', 0, (row: RingRow) => row.operationsPerSecond),
    numberColumn(
      'BYTES/S',
      'bytes read, written, sent and received a second',
      4,
      (row: RingRow) => row.bytesPerSecond,
      { write: size },
    ),
    rateColumn(
      'ENTER/S',
      'system calls of io_uring_enter a second, by the client and the worker',
      2,
      (row: RingRow) => row.enterCallsPerSecond,
    ),
    rateColumn(
      'WAKE/S',
      'times a second that the poller slept and had to be woken',
      2,
      (row: RingRow) => row.wakeupsPerSecond,
    ),
    {
      title: 'THREAD',
      about:
        'what polls: busy (awake, with entries), idle (awake for nothing), asleep, none, gone (the ring has no worker)',
      width: 6,
      align: 'left',
      rank: 2,
      text: ({ thread }) => (thread === 'unknown' ? '–' : thread),
      style: ({ thread }) => threadStyles[thread],
      value: ({ thread }) => thread,
    },
    numberColumn(
      'USEFUL',
      "the part of the SQ thread's CPU time that went into entries",
      5,
      (row: RingRow) => row.usefulShare,
      { write: part },
    ),
    numberColumn(
      'CPU',
      'CPU of the thread that polls; rings that share one say the same',
      5,
      (row: RingRow) => row.cpuShare,
      { write: part },
    ),
    ...stageColumns<RingRow>('queued', 'QUE', 7),
    ...stageColumns<RingRow>('kernel', 'KER', 3),
    ...stageColumns<RingRow>('delivered', 'DEL', 7),
    rateColumn(
      'ERR/S',
      'operations that failed, a second',
      2,
      (row: RingRow) => row.errorsPerSecond,
      ({ errorsPerSecond }) => (errorsPerSecond > 0 ? 'bad' : null),
    ),
    numberColumn('ERRORS', 'operations that failed, since the start', 8, (row: RingRow) => row.totals.errors),
    {
      title: 'STATE',
      about: 'of the ring, and of its worker where that is not well',
      width: 5,
      widthMax: 16,
      align: 'left',
      rank: 9,
      text: ({ state, overflowed }, width) => name(overflowed ? 'overflow' : state, width),
      style: ({ state, overflowed }) => (state === 'open' && !overflowed ? 'faint' : 'bad'),
      value: ({ state }) => state,
    },
    {
      title: 'ADVICE',
      about: 'the poller that would suit the load better, and why',
      width: 20,
      widthMax: 80,
      align: 'left',
      rank: 10,
      text: ({ advice }, width) => name(advice, width),
      style: () => 'warning',
      value: ({ advice }) => advice,
    },
  ],
}
