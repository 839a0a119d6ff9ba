// The stage: the ring as a picture that moves. Draws the scenes that main.ts gives it, live or replayed; knows nothing of frames.
//
// It draws thirty pictures a second at most, and none while nothing moves: a page that shows how little the rings cost must not cost
// much itself. Who prefers reduced motion gets one still picture per scene.

import type { ColourScheme, Colours } from './colours.ts'
import { cellAt, drawCircle, Hand } from './circle.ts'
import { wordsOfCell, type RingScene, type SlotScene } from './scene.ts'
import { layoutOf, tileCount, tileOf, type Point, type StageLayout } from './stage-layout.ts'

interface Mote {
  readonly from: Point
  readonly to: Point
  /** How high above the straight way it flies. */
  readonly arcPx: number
  readonly startMs: number
  readonly endMs: number
  readonly colour: string
}

const pictureMs = 1000 / 30
const motesPerScene = 10
const motesMax = 80
const sparkMs = 450
const sparksMax = 6

export class Stage {
  private readonly area: HTMLElement
  private readonly canvas: HTMLCanvasElement
  private readonly context: CanvasRenderingContext2D
  private readonly scheme: ColourScheme
  private readonly reduced = matchMedia('(prefers-reduced-motion: reduce)')
  private scene: RingScene | null = null
  private layout: StageLayout
  private readonly sqHand = new Hand()
  private readonly cqHand = new Hand()
  private motes: Mote[] = []
  private sparkedMs = -Infinity
  private sparks = 0
  private drawnMs = 0
  private asked = false

  constructor(area: HTMLElement, canvas: HTMLCanvasElement, scheme: ColourScheme) {
    const context = canvas.getContext('2d')
    if (context === null) throw new Error('this browser has no canvas')
    this.area = area
    this.canvas = canvas
    this.context = context
    this.scheme = scheme
    this.layout = this.fit()
    new ResizeObserver(() => {
      this.layout = this.fit()
      this.ask()
    }).observe(area)
    scheme.onChange(() => this.ask())
  }

  /** `spanMs`: until the next one is to be expected; 0: a still picture. */
  show(scene: RingScene, spanMs: number): void {
    const nowMs = performance.now()
    const still = spanMs <= 0 || this.reduced.matches
    this.scene = scene
    if (scene.sq !== null) this.sqHand.aim(scene.sq.tail, nowMs, still ? 0 : spanMs)
    if (scene.cq !== null) this.cqHand.aim(scene.cq.tail, nowMs, still ? 0 : spanMs)
    this.sparks = Math.min(sparksMax, scene.sparks)
    if (this.sparks > 0) this.sparkedMs = nowMs
    if (!still) this.throwMotes(scene, nowMs, spanMs)
    this.ask()
  }

  /** Another ring: nothing of the one before flies on. */
  clear(): void {
    this.motes = []
    this.scene = null
    this.sparkedMs = -Infinity
    this.ask()
  }

  /** What is under a point of the canvas, in words. */
  wordsAt(x: number, y: number): string | null {
    const { layout, scene } = this
    for (const [name, circle, queue, hand] of [
      ['submission', layout.sq, scene?.sq, this.sqHand],
      ['completion', layout.cq, scene?.cq, this.cqHand],
    ] as const) {
      const cell = queue ? cellAt(circle, queue, hand, x, y) : undefined
      if (cell) return `entry of the ${name} queue: ${wordsOfCell(cell)}. From the queue in shared memory`
    }
    const half = layout.tiles.sizePx / 2
    const found = scene?.slots?.find(({ slot }) => {
      const tile = tileOf(layout, slot)
      return Math.abs(tile.x - x) <= half && Math.abs(tile.y - y) <= half
    })
    if (found === undefined) return null
    const age = found.ageMs < 0 ? '' : `, ${found.ageMs.toFixed(3)} ms in the kernel`
    const kind = found.multishot ? `, multishot: ${found.given} completions since the last frame` : age
    return `slot ${found.slot}: ${found.look.name}${kind}. From the client's slot table`
  }

  private fit(): StageLayout {
    const { clientWidth: width, clientHeight: height } = this.area
    const scale = Math.min(2, devicePixelRatio)
    this.canvas.width = Math.round(width * scale)
    this.canvas.height = Math.round(height * scale)
    this.context.setTransform(scale, 0, 0, scale, 0, 0)
    const layout = layoutOf(Math.max(width, 240), height)
    this.area.classList.toggle('compact', layout.compact)
    for (const [name, { x, y }] of Object.entries(layout.captions)) {
      const caption = document.getElementById(`caption-${name}`)
      if (caption === null) continue
      caption.style.left = `${x}px`
      caption.style.top = `${y}px`
    }
    return layout
  }

  private ask(): void {
    if (this.asked) return
    this.asked = true
    requestAnimationFrame((nowMs) => {
      this.asked = false
      // Between two pictures there is nothing to be seen.
      if (nowMs - this.drawnMs < pictureMs - 4) {
        this.ask()
        return
      }
      this.drawnMs = nowMs
      this.draw(performance.now())
    })
  }

  private get moves(): boolean {
    const nowMs = performance.now()
    if (this.reduced.matches || document.hidden) return false
    return (
      this.motes.length > 0 ||
      this.sqHand.moves(nowMs) ||
      this.cqHand.moves(nowMs) ||
      nowMs - this.sparkedMs < sparkMs ||
      this.scene?.pollerState === 'busy' ||
      this.scene?.pollerState === 'idle'
    )
  }

  private throwMotes({ published, completed, slots }: RingScene, nowMs: number, spanMs: number): void {
    const { families } = this.scheme.colours
    const { sq, cq } = this.layout
    const tiles = slots ?? []
    const anyTile = (index: number): Point =>
      tileOf(this.layout, tiles[index % Math.max(1, tiles.length)]?.slot ?? index % 8)
    const add = (count: number, make: (index: number, startMs: number) => Mote): void => {
      const shown = Math.min(count, motesPerScene)
      for (let index = 0; index < shown; index++) this.motes.push(make(index, nowMs + (index / shown) * spanMs))
    }
    const colourAt = (index: number): string => families[this.scene?.sq?.cells.at(-1 - index)?.look.family ?? 'other']
    add(published, (index, startMs) => ({
      from: { x: sq.x + sq.radius, y: sq.y },
      to: anyTile(index),
      arcPx: 14,
      startMs,
      endMs: startMs + 320,
      colour: colourAt(index),
    }))
    add(completed, (index, startMs) => ({
      from: anyTile(index),
      to: { x: cq.x - cq.radius, y: cq.y },
      arcPx: 14,
      startMs,
      endMs: startMs + 320,
      colour: families[this.scene?.cq?.cells.at(-1 - index)?.look.family ?? 'other'],
    }))
    for (const { slot, multishot, given, look } of tiles) {
      if (!multishot || given === 0) continue
      add(given, (index, startMs) => ({
        from: tileOf(this.layout, slot),
        to: { x: cq.x - cq.radius, y: cq.y - cq.radius * 0.3 + index * 6 },
        arcPx: 70,
        startMs,
        endMs: startMs + 520,
        colour: families[look.family],
      }))
    }
    if (this.motes.length > motesMax) this.motes.splice(0, this.motes.length - motesMax)
  }

  private draw(nowMs: number): void {
    const { context, layout, scene } = this
    const { colours } = this.scheme
    context.clearRect(0, 0, this.area.clientWidth, this.area.clientHeight)
    this.drawWays(colours)
    drawCircle(context, layout.sq, scene?.sq ?? null, this.sqHand, nowMs, colours)
    drawCircle(context, layout.cq, scene?.cq ?? null, this.cqHand, nowMs, colours)
    this.drawTitles(colours)
    this.drawTiles(scene?.slots ?? [], colours)
    this.drawLamp(nowMs, colours)
    this.drawMotes(nowMs)
    if (this.moves) this.ask()
  }

  private drawTitles(colours: Colours): void {
    const { context, layout } = this
    const { sq, cq, compact } = layout
    context.fillStyle = colours.quiet
    context.textBaseline = 'middle'
    context.font = '12px system-ui, sans-serif'
    if (compact) {
      context.textAlign = 'center'
      context.fillText('Submission queue', sq.x, 8)
      context.fillText('Completion queue', cq.x, 8)
      return
    }
    context.textAlign = 'left'
    context.fillText('your program writes ↘', 0, 10)
    context.textAlign = 'right'
    context.fillText('↗ your program reads', cq.x + cq.radius + 36, 10)
  }

  /** The way of a request: from the submission queue by the poller into the kernel and out to the completion queue. */
  private drawWays(colours: Colours): void {
    const { context, layout } = this
    const { sq, cq, lamp, tiles } = layout
    context.strokeStyle = colours.line
    context.lineWidth = 2
    context.setLineDash([2, 5])
    context.beginPath()
    if (layout.compact) {
      context.moveTo(sq.x + 8, sq.y + sq.radius + 6)
      context.quadraticCurveTo(sq.x + 20, lamp.y, lamp.x - 24, lamp.y)
      context.moveTo(lamp.x + 24, lamp.y)
      context.quadraticCurveTo(cq.x - 20, lamp.y, cq.x - 8, cq.y + cq.radius + 6)
    } else {
      const gridPx = tiles.pitchPx * tiles.columns
      context.moveTo(sq.x + sq.radius + 6, sq.y - 14)
      context.quadraticCurveTo(tiles.x - 20, lamp.y + 10, lamp.x - 28, lamp.y)
      context.moveTo(tiles.x + gridPx + 4, sq.y + 20)
      context.lineTo(cq.x - cq.radius - 6, sq.y + 6)
    }
    context.stroke()
    context.setLineDash([])
  }

  private drawTiles(slots: readonly SlotScene[], colours: Colours): void {
    const { context, layout } = this
    const { sizePx } = layout.tiles
    context.fillStyle = colours.track
    for (let place = 0; place < tileCount; place++) {
      const { x, y } = tileOf(layout, place)
      context.fillRect(x - sizePx / 2, y - sizePx / 2, sizePx, sizePx)
    }
    context.textAlign = 'center'
    context.textBaseline = 'middle'
    context.font = `700 ${Math.round(sizePx * 0.55)}px system-ui, sans-serif`
    for (const { slot, look, ageMs, multishot } of slots) {
      const { x, y } = tileOf(layout, slot)
      const left = x - sizePx / 2
      context.fillStyle = colours.families[look.family]
      context.fillRect(left, y - sizePx / 2, sizePx, sizePx)
      if (multishot) {
        // It keeps giving: a ring around it.
        context.strokeStyle = colours.text
        context.lineWidth = 2
        context.strokeRect(left - 1.5, y - sizePx / 2 - 1.5, sizePx + 3, sizePx + 3)
      } else if (ageMs > 0.01) {
        // Its age, from 10 µs to 10 s by powers of ten, as a bar.
        context.fillStyle = colours.text
        context.fillRect(left, y + sizePx / 2 - 2, sizePx * Math.min(1, (Math.log10(ageMs) + 2) / 6), 2)
      }
      context.fillStyle = colours.onFamily
      context.fillText(look.letter, x, y - 0.5)
    }
  }

  private drawLamp(nowMs: number, colours: Colours): void {
    const { context, layout, scene } = this
    const { x, y, radius } = layout.lamp
    const state = scene?.pollerState ?? 'none'
    context.save()
    context.translate(x, y)
    context.lineWidth = 2
    context.strokeStyle = state === 'asleep' || state === 'none' ? colours.quiet : colours.accent
    context.fillStyle = state === 'busy' ? colours.accent : colours.card
    context.beginPath()
    context.arc(0, 0, radius, 0, Math.PI * 2)
    context.fill()
    context.stroke()
    if (state === 'asleep') {
      context.fillStyle = colours.quiet
      context.font = '700 14px system-ui, sans-serif'
      context.textAlign = 'center'
      context.textBaseline = 'middle'
      context.fillText('z', 0, 0)
    } else if (state !== 'none') {
      // Looking round and round for entries.
      const turns = this.reduced.matches ? 0 : nowMs / (state === 'busy' ? 500 : 1500)
      context.rotate((turns % 1) * Math.PI * 2)
      context.strokeStyle = state === 'busy' ? colours.onFamily : colours.accent
      context.lineWidth = 3
      context.beginPath()
      context.arc(0, 0, radius * 0.55, 0, Math.PI * 1.3)
      context.stroke()
    }
    context.restore()
    this.drawSparks(nowMs, colours)
  }

  /** Each wake-up, or each call where nobody polls. */
  private drawSparks(nowMs: number, colours: Colours): void {
    const { context, layout } = this
    const { x, y, radius } = layout.lamp
    const age = this.reduced.matches ? (this.sparks > 0 ? 0.4 : 1) : (nowMs - this.sparkedMs) / sparkMs
    if (age >= 1 || this.sparks === 0) return
    context.save()
    context.translate(x, y)
    context.strokeStyle = colours.spark
    context.globalAlpha = 1 - age * 0.8
    context.lineWidth = 3
    context.lineCap = 'round'
    const rays = 6 + this.sparks
    for (let ray = 0; ray < rays; ray++) {
      context.rotate((Math.PI * 2) / rays)
      context.beginPath()
      context.moveTo(radius + 5 + age * 8, 0)
      context.lineTo(radius + 11 + age * 14, 0)
      context.stroke()
    }
    context.restore()
  }

  private drawMotes(nowMs: number): void {
    const { context } = this
    this.motes = this.motes.filter(({ endMs }) => endMs > nowMs)
    for (const { from, to, arcPx, startMs, endMs, colour } of this.motes) {
      const part = (nowMs - startMs) / (endMs - startMs)
      if (part < 0) continue
      const x = from.x + (to.x - from.x) * part
      const y = from.y + (to.y - from.y) * part - Math.sin(part * Math.PI) * arcPx
      context.fillStyle = colour
      context.beginPath()
      context.arc(x, y, 3, 0, Math.PI * 2)
      context.fill()
    }
  }
}
