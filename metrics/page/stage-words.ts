// The words on the stage, and what lies below it: captions, legend, provided buffers, tables. Fills them from scenes and frames.

import { explain, byId, fillPairs, make, quietLine, say } from './dom.ts'
import { short, whole } from './format.ts'
import { growth, isCountersOnly, keyOf, type History } from './history.ts'
import { isBookkeeping, lookOf } from './operations.ts'
import { rate } from './panels.ts'
import type { RingScene } from './scene.ts'
import { counterSources } from './sources.ts'
import type { LiveFrame, LiveRing } from '../live-protocol.ts'

const boardsMax = 4
const buffersShown = 32

/** The words on the stage, and what a screen reader is told of it. */
export function showCaptions(scene: RingScene, ring: LiveRing, history: History, isReplay: boolean): void {
  const span = history.span()
  const isUntold = !isReplay && isCountersOnly(history.latest, ring)
  const perSecond = (name: Parameters<typeof growth>[2]): string =>
    isReplay ? 'slow motion' : `${short(rate(span, (of) => growth(of, keyOf(ring), name)))}/s`
  const queue = (
    id: string,
    name: string,
    of: RingScene['sq'],
    doing: string,
    counter: 'publishedEntries' | 'reapedCompletions',
  ): string => {
    const waiting = of === null ? null : (of.tail - of.head) >>> 0
    const size = name === 'Submission queue' ? ring.sqEntries : ring.cqEntries
    const figure = waiting === null ? '–' : whole(waiting)
    caption(
      id,
      name,
      figure,
      isUntold ? `of ${whole(size)}: counted only` : `${doing} of ${whole(size)}`,
      perSecond(counter),
      `head and tail of the queue, in memory shared with the kernel; ${counterSources[counter].source}`,
    )
    return `${name}: ${figure} ${doing}.`
  }
  const words = [
    queue('caption-sq', 'Submission queue', scene.sq, 'waiting', 'publishedEntries'),
    queue('caption-cq', 'Completion queue', scene.cq, 'to be read', 'reapedCompletions'),
  ]
  const [who, state] = pollerWords(scene, ring, isReplay)
  const per = ring.poller === 'caller' ? 'enterCalls' : 'sqWakeups'
  const calls = isReplay ? '' : `${perSecond(per)} ${per === 'sqWakeups' ? 'wake-ups' : 'calls'}`
  caption(
    'caption-poller',
    '',
    state,
    who,
    calls,
    `IORING_SQ_NEED_WAKEUP in the queue's flags; fdinfo SqThread, SqThreadCpu; ${counterSources[per].source}`,
  )
  const waiting = scene.backlog > 0 ? `, ${whole(scene.backlog)} wait outside` : ''
  caption(
    'caption-kernel',
    '',
    `${whole(scene.inFlight)} in flight`,
    `of ${whole(ring.inFlightMax)} at most${waiting}`,
    isUntold ? 'not shown one by one' : scene.slots === null ? 'its requests are known to its own thread only' : '',
    "client's slot table, counters inFlight and backlog; /metrics: ringmaster_ring_in_flight, ringmaster_ring_backlog",
  )
  words.push(`${who}: ${state}.`, `${whole(scene.inFlight)} requests in flight.`)
  // Read out when asked for, not five times a second: the canvas is described by it.
  say(byId('stage-words'), words.join(' '))
}

function caption(id: string, above: string, figure: string, first: string, second: string, source: string): void {
  const element = byId(id)
  if (element.children.length === 0) element.append(make('span'), make('strong'), make('span'), make('br'), make('b'))
  const [title, strong, line, , bold] = element.children as HTMLCollectionOf<HTMLElement>
  say(title!, above)
  say(strong!, figure)
  say(line!, first)
  say(bold!, second)
  explain(element, source)
}

function pollerWords(
  { pollerState }: RingScene,
  { poller, sqThread, workerState }: LiveRing,
  isReplay: boolean,
): [who: string, state: string] {
  const states = {
    asleep: 'asleep',
    idle: 'awake, looking',
    busy: 'awake, working',
    none: isReplay ? 'a trace does not tell' : 'quiet',
  } as const
  if (poller === 'kernel')
    return [
      sqThread === null ? 'SQ thread of the kernel' : `SQ thread ${sqThread.tid}, CPU ${sqThread.cpu}`,
      states[pollerState],
    ]
  if (poller === 'caller') return ['your thread calls the kernel', pollerState === 'busy' ? 'calling' : states.none]
  const worker = workerState === 'well' ? 'ring worker' : `ring worker (${workerState})`
  return [poller === 'worker' ? worker : `${worker}, ordinary system calls`, states[pollerState]]
}

const legendWords = (op: number): string => {
  const { name } = lookOf(op)
  const what =
    name === 'nop'
      ? 'nop: a fence. After a close it has the kernel finish what closing left to do (ARCHITECTURE, "Closed is closed")'
      : name
  return `${what}${isBookkeeping(op) ? '. Bookkeeping: in no latency of all operations, and no call avoided' : ''}. Opcode ${op} of io_uring, from the operation rows in shared memory`
}

export function showLegend(frame: LiveFrame): void {
  const legend = byId('legend')
  const ops = [...new Set(frame.rings.flatMap((ring) => ring.operations.map(([op]) => op)))].sort(
    (one, other) => one - other,
  )
  const key = ops.join()
  if (legend.dataset['key'] === key) return
  legend.dataset['key'] = key
  legend.replaceChildren(
    ...ops.map((op) => {
      const { letter, family, name } = lookOf(op)
      const chip = make('i', letter)
      chip.className = 'chip'
      chip.dataset['family'] = family
      const item = make('span')
      item.append(chip, name)
      explain(item, legendWords(op))
      return item
    }),
  )
}

export function showShelf({ groups }: LiveRing): void {
  const shelf = byId('shelf')
  const key = groups.map(([group, count]) => `${group}:${count}`).join()
  if (shelf.dataset['key'] !== key || shelf.children.length === 0) {
    shelf.dataset['key'] = key
    shelf.replaceChildren(
      ...(groups.length === 0
        ? [quietLine('None on this ring. Streams of sockets provide them: the kernel takes one when data has come.')]
        : groups.slice(0, boardsMax).map(([, count]) => board(count))),
    )
  }
  for (const [index, [group, count, available]] of groups.slice(0, boardsMax).entries()) {
    const element = shelf.children[index] as HTMLElement
    const boxes = element.querySelectorAll('i')
    const full = Math.round((available / count) * boxes.length)
    for (const [at, box] of boxes.entries()) box.className = at < full ? 'full' : ''
    const text = `group ${group}: ${whole(available)} of ${whole(count)} free`
    say(
      element.querySelector('p')!,
      groups.length > boardsMax && index === boardsMax - 1
        ? `${text}, and ${groups.length - boardsMax} groups more`
        : text,
    )
    explain(element, 'the mirror of the buffer ring that its owner keeps (ProvidedBuffers.available)')
  }
}

function board(count: number): HTMLElement {
  const element = make('div')
  const row = make('div')
  row.className = 'board'
  for (let box = 0; box < Math.min(count, buffersShown); box++) row.append(make('i'))
  element.append(row, quietLine(''))
  return element
}

export function showTables(ring: LiveRing, frame: LiveFrame): void {
  const of = (table: readonly [number, number] | null): string =>
    table === null ? '–' : table[1] === 0 ? 'none' : `${whole(table[0])} of ${whole(table[1])} used`
  const leased = frame.arenas.reduce((sum, arena) => sum + arena.leased, 0)
  const slabs = frame.arenas.reduce((sum, arena) => sum + arena.slabs, 0)
  fillPairs(byId('tables'), [
    { label: 'direct descriptors', text: of(ring.files), source: 'fdinfo UserFiles' },
    { label: 'registered buffers', text: of(ring.buffers), source: 'fdinfo UserBufs' },
    {
      label: 'arena slabs',
      text: slabs === 0 ? 'none' : `${whole(leased)} of ${whole(slabs)} leased`,
      source: 'Ringmaster.stats().arenas; /metrics: ringmaster_arena_slabs_leased',
    },
  ])
}
