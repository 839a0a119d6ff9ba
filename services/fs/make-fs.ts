// Puts the API together for a route: what rings do, and beside it what Node does. Called by index.ts.
import { makeOpen } from './open.ts'
import { own } from './own.ts'
import type { OwnPromises } from './own.ts'
import { makePaths } from './paths.ts'
import type { Route } from './route.ts'
import { makeWholeFiles } from './whole-files.ts'

/** All of node:fs/promises as this Node has it, as far as rings can do it by rings. */
export function makeFs(route: Route): OwnPromises {
  const open = makeOpen(route)
  const ours = { open, ...makePaths(route), ...makeWholeFiles(route, open) }
  const all: Record<string, unknown> = { ...own }
  delete all['default']
  for (const [name, call] of Object.entries(ours)) if (name in own) all[name] = named(name, call)
  return all as object as OwnPromises
}

/** With the name that Node's has, for stacks. */
function named<T extends object>(name: string, call: T): T {
  return Object.defineProperty(call, 'name', { value: name })
}
