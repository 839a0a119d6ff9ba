// A file's compressed neighbours: `a.txt.br` beside `a.txt` is what `a.txt` is to who takes Brotli. Called by file-service.ts where that is wanted.
import type { IncomingHttpHeaders } from 'node:http'
import Negotiator from 'negotiator'
import { toHttpError } from './http-error.ts'
import { openRegularFile, type OpenedFile } from './open-file.ts'
import type { Folder } from './storage.ts'

/** The smaller first. */
const suffixes: Readonly<Record<string, string>> = { br: '.br', zstd: '.zst', gzip: '.gz' }
const encodings = [...Object.keys(suffixes), 'identity']

export interface Variant {
  /** null: the file itself. */
  readonly opened: OpenedFile | null
  readonly encoding: string | null
}

const itself: Variant = { opened: null, encoding: null }

/** The neighbour that the client likes best, of those that are there; the file itself, where it likes that better. */
export async function openVariant(
  folder: Folder,
  path: Buffer,
  plain: OpenedFile,
  headers: IncomingHttpHeaders,
): Promise<Variant> {
  if (headers['accept-encoding'] === undefined) return itself
  for (const encoding of acceptable(headers)) {
    const suffix = suffixes[encoding]
    if (suffix === undefined) return itself
    const opened = await openIfThere(folder, Buffer.concat([path, Buffer.from(suffix)]))
    if (opened === null) continue
    // One that is older was made of what was there before.
    if (opened.stats.mtimeMs >= plain.stats.mtimeMs) return { opened, encoding }
    await opened.file.close()
  }
  return itself
}

/** What negotiator has, and its types have not. */
interface EncodingNegotiator {
  encodings(available: readonly string[], options: { readonly preferred: readonly string[] }): string[]
}

/** Best first; of those that a client likes as much, the smaller. */
function acceptable(headers: IncomingHttpHeaders): readonly string[] {
  const negotiator: EncodingNegotiator = new Negotiator({ headers })
  return negotiator.encodings(encodings, { preferred: encodings })
}

async function openIfThere(folder: Folder, path: Buffer): Promise<OpenedFile | null> {
  try {
    return await openRegularFile(folder, path)
  } catch (error) {
    if (toHttpError(error).status === 404) return null
    throw error
  }
}
