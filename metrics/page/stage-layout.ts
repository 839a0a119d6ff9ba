// Where things are on the stage: side by side where it is wide, in two rows where it is narrow. Pure; used by stage.ts.

import type { Circle } from './circle.ts'

export interface Point {
  readonly x: number
  readonly y: number
}

export interface StageLayout {
  readonly compact: boolean
  readonly sq: Circle
  readonly cq: Circle
  readonly lamp: Circle
  /** The slots in flight: their first tile's corner, tile and gap. */
  readonly tiles: Point & { readonly columns: number; readonly sizePx: number; readonly pitchPx: number }
  /** Middles of the captions. */
  readonly captions: { readonly sq: Point; readonly cq: Point; readonly poller: Point; readonly kernel: Point }
}

export const tileCount = 64
const compactBelowPx = 640
/** Outside the circles: hands and their names. */
const marginPx = 38

export function layoutOf(width: number, height: number): StageLayout {
  return width < compactBelowPx ? compact(width) : wide(width, height)
}

function wide(width: number, height: number): StageLayout {
  const radius = Math.min((height - 2 * marginPx) / 2, width * 0.152)
  const y = height / 2
  const pitchPx = Math.min(26, (width - 4 * radius - 4 * marginPx - 24) / 8)
  const gridPx = pitchPx * 8
  const left = width / 2 - gridPx / 2
  const gridTop = y - gridPx / 2 + 44
  return {
    compact: false,
    sq: { x: radius + marginPx, y, radius },
    cq: { x: width - radius - marginPx, y, radius },
    lamp: { x: width / 2, y: gridTop - 100, radius: 18 },
    tiles: { x: left, y: gridTop, columns: 8, sizePx: pitchPx - 4, pitchPx },
    captions: {
      sq: { x: radius + marginPx, y },
      cq: { x: width - radius - marginPx, y },
      poller: { x: width / 2, y: gridTop - 46 },
      kernel: { x: width / 2, y: gridTop + gridPx + 20 },
    },
  }
}

function compact(width: number): StageLayout {
  const radius = Math.min(82, width / 4 - 12)
  const y = radius + 30
  const pitchPx = (width - 4) / 16
  const lampY = 2 * radius + 74
  const gridTop = lampY + 66
  return {
    compact: true,
    sq: { x: width / 4, y, radius },
    cq: { x: (width * 3) / 4, y, radius },
    lamp: { x: width / 2, y: lampY, radius: 14 },
    tiles: { x: 3, y: gridTop, columns: 16, sizePx: pitchPx - 3, pitchPx },
    captions: {
      sq: { x: width / 4, y },
      cq: { x: (width * 3) / 4, y },
      poller: { x: width / 2, y: lampY + 38 },
      kernel: { x: width / 2, y: gridTop + pitchPx * 4 + 22 },
    },
  }
}

/** The middle of a slot's tile. Slots above the grid's share its places. */
export function tileOf({ tiles }: StageLayout, slot: number): Point {
  const place = slot % tileCount
  return {
    x: tiles.x + (place % tiles.columns) * tiles.pitchPx + tiles.sizePx / 2,
    y: tiles.y + Math.floor(place / tiles.columns) * tiles.pitchPx + tiles.sizePx / 2,
  }
}
