// Draws one queue as a circle of slots: the tail's hand outside, the head's inside, entries in the colours of their operations. Called
// by stage.ts for every picture.
//
// A queue's indexes run on for ever and are masked by its size: that is the circle. It shows the latest 64 entries. Slow queues turn
// truly; one that turns more than once between two frames cannot be followed by eye, and turns at a steady pace instead.

import type { Colours } from './colours.ts'
import { cellsShown, type Cell, type QueueScene } from './scene.ts'

export interface Circle {
  readonly x: number
  readonly y: number
  readonly radius: number
}

const turn = Math.PI * 2
const top = -Math.PI / 2
/** The ring's inner edge, of its radius. */
const inner = 0.76

/** A queue's hand, moving from where it was to where it is. */
export class Hand {
  private from = 0
  private to = 0
  private startMs = 0
  private spanMs = 1
  /** Entries lie where they are in memory; else they follow the hand. */
  private isTrue = true
  private tail: number | null = null

  /** `spanMs`: how long the way may take; 0: be there. */
  aim(tail: number, nowMs: number, spanMs: number): void {
    const before = this.tail
    this.tail = tail
    this.from = this.position(nowMs)
    const moved = before === null ? Infinity : (tail - before) >>> 0
    this.isTrue = spanMs <= 0 || moved <= cellsShown / 2
    this.startMs = nowMs
    this.spanMs = Math.max(1, spanMs)
    const target = tail % cellsShown
    if (spanMs <= 0 || before === null) this.from = this.to = target
    else if (this.isTrue) {
      this.from = modulo(this.from)
      this.to = this.from + modulo(target - this.from)
      // Its pace of before may have left it anywhere: rather a small jump than a long way round.
      if (this.to - this.from > moved + 1) this.from = this.to - moved
    } else this.to = this.from + (cellsShown * spanMs) / 900
  }

  position(nowMs: number): number {
    const part = Math.min(1, Math.max(0, (nowMs - this.startMs) / this.spanMs))
    return this.from + (this.to - this.from) * part
  }

  moves(nowMs: number): boolean {
    return this.from !== this.to && nowMs < this.startMs + this.spanMs
  }

  /** Where the entry lies that is `before` places before the tail; -1: the hand has not got there yet. */
  placeOf(before: number, nowMs: number): number {
    if (!this.isTrue) return this.position(nowMs) - 1 - before
    const place = this.to - 1 - before
    return place < this.position(nowMs) ? place : -1
  }
}

const modulo = (value: number): number => ((value % cellsShown) + cellsShown) % cellsShown
const angleOf = (place: number): number => top + (place / cellsShown) * turn

export function drawCircle(
  context: CanvasRenderingContext2D,
  circle: Circle,
  scene: QueueScene | null,
  hand: Hand,
  nowMs: number,
  colours: Colours,
): void {
  const { x, y, radius } = circle
  const middle = radius * ((1 + inner) / 2)
  const thickness = radius * (1 - inner)
  context.save()
  context.translate(x, y)
  context.lineWidth = thickness
  context.strokeStyle = colours.track
  for (let place = 0; place < cellsShown; place++) strokeCell(context, place, middle, 0.72)
  if (scene !== null) {
    const withLetters = (turn * middle) / cellsShown >= 9.5
    const count = scene.cells.length
    for (const [index, cell] of scene.cells.entries()) {
      const before = count - 1 - index
      if (cell.state === 'empty') continue
      const place = hand.placeOf(before, nowMs)
      if (place === -1) continue
      drawCell(context, cell, place, before, middle, thickness, withLetters, colours)
    }
    const tail = hand.position(nowMs)
    const waiting = Math.min((scene.tail - scene.head) >>> 0, cellsShown)
    drawHand(context, angleOf(tail - waiting), radius * inner - 4, -1, radius > 125 ? 'head' : '', colours.text)
    drawHand(context, angleOf(tail), radius + 4, 1, radius > 100 ? 'tail' : '', colours.accent)
  }
  context.restore()
}

/** The cell under a point; undefined: none. */
export function cellAt(circle: Circle, scene: QueueScene, hand: Hand, x: number, y: number): Cell | undefined {
  const distance = Math.hypot(x - circle.x, y - circle.y)
  if (distance > circle.radius || distance < circle.radius * inner) return undefined
  const place = Math.floor(modulo(((Math.atan2(y - circle.y, x - circle.x) - top) / turn) * cellsShown))
  const nowMs = performance.now()
  const count = scene.cells.length
  return scene.cells.find((_, index) => {
    const at = hand.placeOf(count - 1 - index, nowMs)
    return at !== -1 && Math.floor(modulo(at)) === place
  })
}

function strokeCell(context: CanvasRenderingContext2D, place: number, radius: number, share: number): void {
  const half = (share * turn) / cellsShown / 2
  const centre = angleOf(place + 0.5)
  context.beginPath()
  context.arc(0, 0, radius, centre - half, centre + half)
  context.stroke()
}

function drawCell(
  context: CanvasRenderingContext2D,
  cell: Cell,
  place: number,
  before: number,
  middle: number,
  thickness: number,
  withLetters: boolean,
  colours: Colours,
): void {
  const colour = cell.failed ? colours.bad : colours.families[cell.look.family]
  // What is over fades with its age: the latest entries make a tail behind the hand.
  context.globalAlpha = cell.state === 'taken' ? 0.2 + 0.55 * (1 - before / cellsShown) ** 2 : 1
  context.strokeStyle = colour
  context.lineWidth = thickness
  if (cell.state === 'opening') {
    context.globalAlpha = 0.45
    strokeCell(context, place, middle, 0.72)
    context.globalAlpha = 1
    context.lineWidth = 2
    strokeCell(context, place, middle + thickness / 2 + 1, 0.72)
  } else strokeCell(context, place, middle, cell.linked ? 1 : 0.78)
  if (cell.linked) {
    // The joint of a chain: a bar on the inner side, to the middle of the next entry.
    context.globalAlpha = Math.max(context.globalAlpha, 0.7)
    context.strokeStyle = colours.text
    context.lineWidth = 3
    context.beginPath()
    context.arc(0, 0, middle - thickness / 2 - 1.5, angleOf(place + 0.5), angleOf(place + 1.5))
    context.stroke()
  }
  if (cell.more) {
    // More is to come: a dot on the outer side.
    context.fillStyle = colour
    context.beginPath()
    const angle = angleOf(place + 0.5)
    const at = middle + thickness / 2 + 4
    context.arc(Math.cos(angle) * at, Math.sin(angle) * at, 1.8, 0, turn)
    context.fill()
  }
  if (withLetters) {
    const angle = angleOf(place + 0.5)
    context.fillStyle = colours.onFamily
    context.globalAlpha = cell.state === 'taken' ? Math.min(1, context.globalAlpha + 0.25) : 1
    context.font = `700 ${Math.min(11, (turn * middle) / cellsShown - 1).toFixed(1)}px system-ui, sans-serif`
    context.textAlign = 'center'
    context.textBaseline = 'middle'
    context.fillText(cell.look.letter, Math.cos(angle) * middle, Math.sin(angle) * middle)
  }
  context.globalAlpha = 1
}

/** A triangle that points at the ring: outwards from within, or inwards from without. */
function drawHand(
  context: CanvasRenderingContext2D,
  angle: number,
  radius: number,
  side: 1 | -1,
  name: string,
  colour: string,
): void {
  context.save()
  context.rotate(angle)
  context.translate(radius, 0)
  context.fillStyle = colour
  context.beginPath()
  context.moveTo(0, 0)
  context.lineTo(9 * side, -5)
  context.lineTo(9 * side, 5)
  context.closePath()
  context.fill()
  // Within the circle a name is beside its hand where it would otherwise lie on the caption, which is broad.
  if (side === -1 && Math.abs(Math.cos(angle)) > 0.7) context.translate(-12, Math.cos(angle) > 0 ? 14 : -14)
  else context.translate(19 * side, 0)
  context.rotate(-angle)
  context.font = '600 11px system-ui, sans-serif'
  context.textAlign = 'center'
  context.textBaseline = 'middle'
  context.fillText(name, side === 1 ? Math.cos(angle) * 5 : -Math.cos(angle) * 5, 0)
  context.restore()
}
