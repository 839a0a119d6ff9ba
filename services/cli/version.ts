// The version of this package, from its package.json. Used by program.ts and the admin page.
import { existsSync, readFileSync } from 'node:fs'

/** The nearest package.json above this file: it is at another distance in dist/ than in the sources. */
export function readVersion(): string {
  let folder = new URL('./', import.meta.url)
  for (;;) {
    const manifest = new URL('package.json', folder)
    if (existsSync(manifest)) return versionIn(JSON.parse(readFileSync(manifest, 'utf8')))
    const parent = new URL('../', folder)
    if (parent.href === folder.href) throw new Error('package.json of ringmaster not found')
    folder = parent
  }
}

/** Without zod, which takes as long to load as the rest of the command line: it is read at every Tab. */
function versionIn(manifest: unknown): string {
  if (
    typeof manifest === 'object' &&
    manifest !== null &&
    'version' in manifest &&
    typeof manifest.version === 'string'
  )
    return manifest.version
  throw new Error('package.json of ringmaster has no version')
}
