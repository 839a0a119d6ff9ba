// The version of this package, from its package.json. Used by program.ts and the admin page.
import { existsSync, readFileSync } from 'node:fs'
import { z } from 'zod'

const manifestShape = z.object({ version: z.string() })

/** The nearest package.json above this file: it is at another distance in dist/ than in the sources. */
export function readVersion(): string {
  let folder = new URL('./', import.meta.url)
  for (;;) {
    const manifest = new URL('package.json', folder)
    if (existsSync(manifest)) return manifestShape.parse(JSON.parse(readFileSync(manifest, 'utf8'))).version
    const parent = new URL('../', folder)
    if (parent.href === folder.href) throw new Error('package.json of ringmaster not found')
    folder = parent
  }
}
