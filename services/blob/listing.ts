// What is in a folder: a page of names in the order of their bytes, as JSON, as HTML or as lines. Called by object-service.ts.
import { opendir } from 'node:fs/promises'
import type { IncomingHttpHeaders } from 'node:http'
import { httpError } from '../http/http-error.ts'
import type { StoreFolder } from './store.ts'
import { isTemporaryName } from './temporary-files.ts'

export interface ListQuery {
  /** Names behind this one; '' for all. Each character is a byte. */
  readonly after: string
  /** null: as many as are usual. */
  readonly entriesMax: number | null
}

interface Entry {
  /** Each character is a byte. */
  readonly name: string
  readonly isFolder: boolean
}

/** More entries are looked through for no answer: who has more needs folders. */
const lookedAtMax = 1_000_000
const entriesMaxUsual = 1_000
const entriesMaxMost = 10_000
/** How many stats are asked for at a time. */
const statsAtOnce = 64

/** @throws HttpError 400 */
export function listQuery(target: string): ListQuery {
  const limit = /[?&]limit=([^&]*)/.exec(target)?.[1]
  if (limit !== undefined && (!/^\d{1,5}$/.test(limit) || Number(limit) < 1 || Number(limit) > entriesMaxMost))
    throw httpError(400, `limit must be from 1 to ${entriesMaxMost}`)
  // Not URLSearchParams, which decodes UTF-8: names are bytes.
  const after = decodeBytes(/[?&]after=([^&]*)/.exec(target)?.[1] ?? '')
  return { after, entriesMax: limit === undefined ? null : Number(limit) }
}

function decodeBytes(encoded: string): string {
  if (/%(?![0-9a-f]{2})/i.test(encoded)) throw httpError(400, 'after is not percent-encoded')
  return encoded.replace(/%([0-9a-f]{2})/gi, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)))
}

export interface ListAnswer {
  readonly headers: Readonly<Record<string, string | number>>
  readonly body: Buffer
}

export async function listFolder(
  folder: StoreFolder,
  query: ListQuery,
  headers: IncomingHttpHeaders,
): Promise<ListAnswer> {
  const format = formatFor(headers.accept ?? '')
  const entriesMax = query.entriesMax ?? (format === 'html' ? entriesMaxMost : entriesMaxUsual)
  const { entries, isWhole } = await readEntries(folder, { after: query.after, entriesMax })
  // Who reads HTML does not go on to a next page, and would take what is missing for removed.
  if (format === 'html' && !isWhole && query.entriesMax === null)
    throw httpError(507, `more than ${entriesMaxMost} names in one page`)
  const next = isWhole ? null : encodeName(entries.at(-1)!.name)
  const body = Buffer.from(
    format === 'json' ? await jsonOf(folder, entries, next) : format === 'html' ? htmlOf(entries) : linesOf(entries),
  )
  return {
    headers: {
      'Content-Type': contentTypes[format],
      'Content-Length': body.length,
      'Cache-Control': 'no-store',
      Vary: 'Accept',
      ...(format === 'html' && { 'Content-Security-Policy': "default-src 'none'" }),
      ...(next !== null && { Link: `<?limit=${entriesMax}&after=${next}>; rel="next"` }),
    },
    body,
  }
}

const contentTypes = {
  json: 'application/json',
  html: 'text/html; charset=utf-8',
  lines: 'text/plain; charset=utf-8',
} as const

/** HTML only to who names it: browsers do, and programs that are told to. */
function formatFor(accept: string): keyof typeof contentTypes {
  if (/(?:^|,)\s*application\/(?:\*|json)\b/i.test(accept)) return 'json'
  return /(?:^|,)\s*text\/html\b/i.test(accept) ? 'html' : 'lines'
}

/** The first names behind `after`; no more of them are held than two pages, however many there are. */
async function readEntries(
  { fd }: StoreFolder,
  { after, entriesMax }: { readonly after: string; readonly entriesMax: number },
): Promise<{ entries: Entry[]; isWhole: boolean }> {
  let entries: Entry[] = []
  let isWhole = true
  let lookedAt = 0
  const byBytes = (one: Entry, other: Entry): number => (one.name < other.name ? -1 : 1)
  const cut = (): void => {
    entries.sort(byBytes)
    if (entries.length <= entriesMax) return
    isWhole = false
    entries = entries.slice(0, entriesMax)
  }
  // There is no request for it in io_uring; libuv's threads do it. Latin-1 keeps each byte of a name as a character.
  for await (const found of await opendir(`/proc/self/fd/${fd}`, { encoding: 'latin1', bufferSize: 256 })) {
    if (++lookedAt > lookedAtMax) throw httpError(507, 'more names than are looked through')
    if (found.name <= after || isTemporaryName(found.name)) continue
    entries.push({ name: found.name, isFolder: found.isDirectory() })
    if (entries.length >= 2 * entriesMax) cut()
  }
  cut()
  return { entries, isWhole }
}

const encodeName = (name: string): string =>
  name.replace(/[^A-Za-z0-9._~-]/g, (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`)
const href = ({ name, isFolder }: Entry): string => `${encodeName(name)}${isFolder ? '/' : ''}`

const linesOf = (entries: readonly Entry[]): string => entries.map((entry) => `${href(entry)}\n`).join('')

/** As much as rclone and browsers need: a link to each name. */
function htmlOf(entries: readonly Entry[]): string {
  const links = entries.map((entry) => `<li><a href="${href(entry)}">${textOf(entry)}</a>\n`).join('')
  return `<!doctype html>\n<meta charset="utf-8">\n<title>Files</title>\n<ul>\n${links}</ul>\n`
}

/** Of a name that may be anything. */
const textOf = ({ name, isFolder }: Entry): string =>
  `${Buffer.from(name, 'latin1').toString('utf8')}${isFolder ? '/' : ''}`.replace(
    /[&<>"']/g,
    (character) => `&#${character.charCodeAt(0)};`,
  )

async function jsonOf(folder: StoreFolder, entries: readonly Entry[], next: string | null): Promise<string> {
  const rows: object[] = []
  for (let at = 0; at < entries.length; at += statsAtOnce) {
    const part = entries.slice(at, at + statsAtOnce)
    const stats = await Promise.all(part.map(({ name }) => folder.stat(Buffer.from(name, 'latin1'))))
    part.forEach((entry, index) => {
      const found = stats[index]
      if (found === null || found === undefined) return // removed meanwhile
      const type = found.isFile() ? 'file' : found.isDirectory() ? 'folder' : found.isSymbolicLink() ? 'link' : 'other'
      const name = Buffer.from(entry.name, 'latin1').toString('utf8')
      const modified = new Date(found.mtimeMs).toISOString()
      rows.push({ name, href: href(entry), type, ...(type === 'file' && { sizeBytes: found.size }), modified })
    })
  }
  return JSON.stringify({ entries: rows, next })
}
