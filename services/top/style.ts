// Colours. What is said in colour is said in words, too: without colours nothing is lost. Used by everything here that draws.
import { inspect } from 'node:util'

export type Style = 'good' | 'warning' | 'bad' | 'faint' | 'strong' | 'inverse' | 'accent'

/** node:util's own table of SGR codes, on and off; util.styleText reads the same one, and came later than Node 20.11. */
const names = {
  good: 'green',
  warning: 'yellow',
  bad: 'red',
  faint: 'dim',
  strong: 'bold',
  inverse: 'inverse',
  accent: 'cyan',
} as const satisfies Record<Style, string>

export type Paint = (text: string, style: Style | null) => string

export const colourless: Paint = (text) => text

export const coloured: Paint = (text, style) => {
  const codes = style === null ? undefined : inspect.colors[names[style]]
  return codes === undefined ? text : `\u001b[${codes[0]}m${text}\u001b[${codes[1]}m`
}

/** By how full or busy something is: a share of 1. */
export const styleOfShare = (share: number): Style | null =>
  !Number.isFinite(share) ? null : share >= 0.9 ? 'bad' : share >= 0.6 ? 'warning' : share > 0 ? 'good' : null
