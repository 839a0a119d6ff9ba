// What the stage draws of a ring, whether it is live or replayed: two queues of cells, the poller, and the slots in flight. Pure.

import { cqCell, slotKind, sqCell, type LiveQueue, type LiveRing } from '../live-protocol.ts'
import { counterOf } from './history.ts'
import { lookOf, type OperationLook } from './operations.ts'

/** Cells of a circle. The window of a frame is as long. */
export const cellsShown = 64

/** `empty`: never used. `opening`: being written. `waiting`: published, not taken yet. `taken`: over, still lying there. */
export type CellState = 'empty' | 'opening' | 'waiting' | 'taken'

export interface Cell {
  readonly look: OperationLook
  readonly state: CellState
  /** Chained to the next one. */
  readonly linked: boolean
  readonly more: boolean
  readonly failed: boolean
}

export function wordsOfCell({ look, state, linked, more, failed }: Cell): string {
  if (state === 'empty') return 'never used'
  const parts = [
    look.name,
    state === 'taken' ? 'over, lying there still' : state === 'opening' ? 'being written' : state,
  ]
  if (linked) parts.push('linked to the next')
  if (more) parts.push('more will follow')
  if (failed) parts.push('failed')
  return parts.join(', ')
}

export interface QueueScene {
  readonly entries: number
  readonly head: number
  readonly tail: number
  /** The last one lies before the tail, the others before it. */
  readonly cells: readonly Cell[]
}

export type PollerState = 'asleep' | 'idle' | 'busy' | 'none'

export interface SlotScene {
  readonly slot: number
  readonly look: OperationLook
  /** Time in the kernel; -1: unknown. */
  readonly ageMs: number
  readonly multishot: boolean
  readonly given: number
}

export interface RingScene {
  readonly sq: QueueScene | null
  readonly cq: QueueScene | null
  readonly poller: string
  readonly pollerState: PollerState
  readonly slots: readonly SlotScene[] | null
  readonly inFlight: number
  readonly backlog: number
  /** Since the scene before: what moves on the stage is made of these. */
  readonly published: number
  readonly completed: number
  readonly sparks: number
}

/** A frame's ring; `before`: the same ring in the frame before. */
export function liveScene(ring: LiveRing, before: LiveRing | null): RingScene {
  const grown = (name: Parameters<typeof counterOf>[1]): number =>
    before === null ? 0 : Math.max(0, counterOf(ring, name) - counterOf(before, name))
  const published = grown('publishedEntries')
  return {
    sq: ring.sq === null ? null : queueScene(ring.sq, sqCellOf),
    cq: ring.cq === null ? null : queueScene(ring.cq, cqCellOf),
    poller: ring.poller,
    pollerState: pollerStateOf(ring, published),
    slots:
      ring.slots?.map(([slot, op, ageMs, kind, given]) => ({
        slot,
        look: lookOf(op),
        ageMs,
        multishot: kind === slotKind.multishot,
        given,
      })) ?? null,
    inFlight: ring.gauges[0]!,
    backlog: ring.gauges[1]!,
    published,
    completed: grown('reapedCompletions'),
    sparks: ring.poller === 'kernel' || ring.poller === 'worker' ? grown('sqWakeups') : grown('enterCalls'),
  }
}

function pollerStateOf({ poller, asleep }: LiveRing, published: number): PollerState {
  if (poller === 'caller') return published > 0 ? 'busy' : 'none'
  if (asleep) return 'asleep'
  return published > 0 ? 'busy' : 'idle'
}

type ReadCell = (op: number, flags: number) => Pick<Cell, 'linked' | 'more' | 'failed'>

const sqCellOf: ReadCell = (_, flags) => ({
  linked: (flags & (sqCell.link | sqCell.hardlink)) !== 0,
  more: false,
  failed: false,
})
const cqCellOf: ReadCell = (_, flags) => ({
  linked: false,
  more: (flags & cqCell.more) !== 0,
  failed: (flags & cqCell.error) !== 0,
})

function queueScene({ entries, head, tail, from, cells }: LiveQueue, read: ReadCell): QueueScene {
  const count = cells.length / 4
  const pending = (tail - head) >>> 0
  const scene: Cell[] = []
  for (let at = 0; at < count; at++) {
    const op = parseInt(cells.slice(at * 4, at * 4 + 2), 16)
    const flags = parseInt(cells.slice(at * 4 + 2, at * 4 + 4), 16)
    const beforeTail = (tail - from - at) >>> 0
    // Only what was never written has an index above the tail's and no operation.
    const isEmpty = op === 255 && flags === 0 && (from + at) >>> 0 >= tail
    scene.push({
      look: lookOf(op),
      state: isEmpty ? 'empty' : beforeTail <= pending ? 'waiting' : 'taken',
      ...read(op, flags),
    })
  }
  return { entries, head, tail, cells: scene }
}
