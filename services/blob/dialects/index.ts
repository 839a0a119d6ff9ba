// Which dialects there are, by name. Used by blob-server.ts; names by whoever has options.
import type { Backend, Dialect } from './dialect.ts'
import { NoDialect } from './none.ts'
import { NxDialect } from './nx.ts'
import { RawDialect } from './raw.ts'
import { TurboDialect } from './turbo.ts'

/** In the order in which they are asked whether a request is theirs: raw, which takes what is nobody's, is the last. */
const makers = {
  turbo: (backend: Backend): Dialect => new TurboDialect(backend),
  nx: (backend: Backend): Dialect => new NxDialect(backend),
  raw: (backend: Backend): Dialect => new RawDialect(backend),
} as const

export type DialectName = keyof typeof makers

export const dialectNames = Object.keys(makers) as readonly DialectName[]

/** The last of them owns every target. */
export function makeDialects(names: readonly DialectName[], backend: Backend): Dialect[] {
  const wanted = dialectNames.filter((name) => names.includes(name))
  return [...wanted.map((name) => makers[name](backend)), new NoDialect(backend)]
}
