// SVG as text: elements whose attributes and content are escaped, and scales with round ticks. Used by the plots of this folder and by page.ts.
//
// Own code, since a library of plots for the browser brings a script along, and the page has none: it is read where scripts are not allowed, too.

/** Text that is markup already; made by element() alone. */
export interface Markup {
  readonly markup: string
}

export type Content = string | Markup

const special: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

export function escape(text: string): string {
  // Characters that HTML does not have, or that turn the direction of what follows, stand for nothing a reader should see.
  return text.replace(/[\p{Cc}\p{Cf}]/gu, '\ufffd').replace(/[&<>"']/g, (character) => special[character]!)
}

type Attributes = Readonly<Record<string, string | number | undefined>>

export function element(name: string, attributes: Attributes = {}, ...content: readonly Content[]): Markup {
  const written = Object.entries(attributes)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}="${escape(typeof value === 'number' ? String(+value.toFixed(2)) : (value ?? ''))}"`)
  const inner = content.map((each) => (typeof each === 'string' ? escape(each) : each.markup)).join('')
  return { markup: `<${name}${written.join('')}>${inner}</${name}>` }
}

/** A picture with a name for who cannot see it. */
export function picture(name: string, width: number, height: number, ...content: readonly Content[]): Markup {
  return element(
    'svg',
    { viewBox: `0 0 ${width} ${height}`, width, height, role: 'img', 'aria-label': name },
    ...content,
  )
}

export const text = (x: number, y: number, content: string, attributes: Attributes = {}): Markup =>
  element('text', { x, y, ...attributes }, content)

/** A character of the ticks' letters, at most. */
const tickCharacter = 7

/** Below its mark; at an edge beside it, so that nothing is cut off. */
export function tickBelow(x: number, y: number, content: string, width: number): Markup {
  const half = (content.length * tickCharacter) / 2
  return text(Math.min(width - half, Math.max(half, x)), y, content, { class: 'tick middle' })
}

export const line = (x1: number, y1: number, x2: number, y2: number, name: string): Markup =>
  element('line', { x1, y1, x2, y2, class: name })

/** Classes heat-0 to heat-8 of the style sheet. */
export const heats = 9

/** The class of letters that can be read on a heat, in both schemes. */
export const onHeat = (heat: number): string => (heat > 5 ? 'on-hot' : 'on-cold')

export interface Scale {
  (value: number): number
  readonly ticks: readonly number[]
}

/** From `from` to `to` in pixels; ticks at 1, 2 or 5 times a power of ten. */
export function linear(low: number, high: number, from: number, to: number, ticksWanted = 5): Scale {
  const span = high - low || Math.abs(high) || 1
  const rough = span / ticksWanted
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = power * ([1, 2, 5].find((times) => times * power >= rough) ?? 10)
  const ticks: number[] = []
  for (let at = Math.ceil(low / step); at * step <= low + span * (1 + 1e-9); at++) ticks.push(at * step)
  return Object.assign((value: number): number => from + ((value - low) / span) * (to - from), { ticks })
}

/** Logarithmic, with ticks at 1, 2 and 5 times powers of ten; at powers alone where those are many. */
export function logarithmic(low: number, high: number, from: number, to: number, ticksMax = 7): Scale {
  const [first, last] = [Math.log10(low), Math.log10(high > low ? high : low * 1.01)]
  const at = (value: number): number => from + ((Math.log10(value) - first) / (last - first)) * (to - from)
  const powers = Array.from(
    { length: Math.ceil(last) - Math.floor(first) + 1 },
    (_, index) => 10 ** (Math.floor(first) + index),
  )
  const candidates = [[1, 2, 5], [1, 3], [1]].map((times) =>
    powers.flatMap((power) => times.map((each) => each * power)).filter((tick) => tick >= low && tick <= high),
  )
  const ticks = candidates.find((each) => each.length <= ticksMax) ?? candidates.at(-1)!
  return Object.assign(at, { ticks })
}
