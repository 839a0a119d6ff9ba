// The colours of style.css for what is drawn on a canvas, and which scheme is on.

import { families, type Family } from './operations.ts'

export interface Colours {
  readonly text: string
  readonly quiet: string
  readonly line: string
  readonly track: string
  readonly card: string
  readonly accent: string
  readonly spark: string
  readonly bad: string
  readonly onFamily: string
  readonly families: Readonly<Record<Family, string>>
  readonly dark: boolean
}

export type Scheme = 'light' | 'dark'

const stored = 'ringmaster-scheme'

export class ColourScheme {
  private present: Colours | null = null
  private readonly listeners: (() => void)[] = []
  private readonly system = matchMedia('(prefers-color-scheme: dark)')

  constructor() {
    this.system.addEventListener('change', () => this.apply())
    this.apply()
  }

  get scheme(): Scheme {
    return (remembered() ?? this.system.matches) === true || remembered() === 'dark' ? 'dark' : 'light'
  }

  toggle(): void {
    try {
      localStorage.setItem(stored, this.scheme === 'dark' ? 'light' : 'dark')
    } catch {
      // No storage: the switch cannot be remembered, and works until the page is loaded again.
    }
    document.documentElement.dataset['scheme'] = this.scheme === 'dark' ? 'dark' : 'light'
    this.apply()
  }

  onChange(listener: () => void): void {
    this.listeners.push(listener)
  }

  private apply(): void {
    document.documentElement.dataset['scheme'] = this.scheme
    this.present = null
    for (const listener of this.listeners) listener()
  }

  get colours(): Colours {
    return (this.present ??= readColours(this.scheme === 'dark'))
  }
}

function remembered(): Scheme | null {
  try {
    const value = localStorage.getItem(stored)
    return value === 'light' || value === 'dark' ? value : null
  } catch {
    return null
  }
}

function readColours(dark: boolean): Colours {
  const style = getComputedStyle(document.documentElement)
  const read = (name: string): string => style.getPropertyValue(`--${name}`).trim()
  return {
    text: read('text'),
    quiet: read('quiet'),
    line: read('line'),
    track: read('track'),
    card: read('card'),
    accent: read('accent'),
    spark: read('spark'),
    bad: read('bad'),
    onFamily: read('on-family'),
    families: Object.fromEntries(families.map((family) => [family, read(family)])) as Record<Family, string>,
    dark,
  }
}

/** `share` of the way from one colour to another, 0–1; both as #rrggbb. */
export function blend(from: string, to: string, share: number): string {
  const parts = (colour: string): number[] => [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16))
  const ends = parts(to)
  const mixed = parts(from).map((part, at) => Math.round(part + (ends[at]! - part) * share))
  return `#${mixed.map((part) => part.toString(16).padStart(2, '0')).join('')}`
}
