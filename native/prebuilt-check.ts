// Whether the prebuilt addon is the one that was packed: a file that was cut off, or changed on its way, is not to be loaded. The dynamic
// loader does not look, and the process would die of SIGBUS or run whatever is there. Called by addon-file.ts; native/prebuilt.mjs does the
// same at install, where there is no dist/ yet.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'

/** What the manifest says of one binary; see build-prebuilds.mjs. */
interface Row {
  readonly sha256: string
  readonly sizeBytes: number
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null

function rowOf(manifest: unknown, name: string): Row | undefined {
  const binaries = isObject(manifest) ? manifest['binaries'] : undefined
  const row = isObject(binaries) ? binaries[name] : undefined
  if (!isObject(row)) return undefined
  const { sha256, sizeBytes } = row
  return typeof sha256 === 'string' && typeof sizeBytes === 'number' ? { sha256, sizeBytes } : undefined
}

/**
 * @param name of the binary in the manifest, `linux-x64`
 * @returns what is wrong with it, empty where it is as it was packed
 * @throws what reading the binary throws
 */
export function findDamage(file: string, manifestFile: string, name: string): string {
  const content = readFileSync(file)
  let row: Row | undefined
  try {
    row = rowOf(JSON.parse(readFileSync(manifestFile, 'utf8')), name)
  } catch {
    // not there, or damaged itself
  }
  if (row === undefined) return `${manifestFile} does not say what it must be`
  if (content.length !== row.sizeBytes) return `it has ${content.length} bytes, and had ${row.sizeBytes}`
  // 0.2 MB: half a millisecond for each thread.
  return createHash('sha256').update(content).digest('hex') === row.sha256 ? '' : 'its SHA-256 is another'
}
