// What turbo says of an artifact when it stores it, and wants to be told when it reads it: how long the task took, a signature. It stands in the
// same file, in front of the artifact, so that neither is ever there without the other, nor with another's; whatever copies files, copies it.
//
//   skippable frame of Zstandard (RFC 8878 section 3.1.2): magic 4 B │ length 4 B │ JSON ─► the artifact, as it came
//
// An artifact is a .tar.zst, and such a file is still one. Used by turbo.ts.
import type { IncomingHttpHeaders } from 'node:http'
import type { Stats } from 'node:fs'
import { httpError } from '../../http/http-error.ts'
import type { Folder, StoredFile } from '../../http/storage.ts'

type HeaderName = 'x-artifact-duration' | 'x-artifact-tag' | 'x-artifact-sha' | 'x-artifact-dirty-hash'

/** Values of headers, and how they stand in the block. */
const fields: Readonly<Record<HeaderName, { readonly name: string; readonly form: RegExp }>> = {
  'x-artifact-duration': { name: 'durationMs', form: /^\d{1,15}$/ },
  'x-artifact-tag': { name: 'tag', form: /^[\x21-\x7e]{1,600}$/ }, // the API's own limit
  'x-artifact-sha': { name: 'sha', form: /^[\x21-\x7e]{1,128}$/ },
  'x-artifact-dirty-hash': { name: 'dirtyHash', form: /^[\x21-\x7e]{1,128}$/ },
}

const headerNames = Object.keys(fields) as HeaderName[]

/** What is known of an artifact, by the names of its headers. */
export type ArtifactFacts = Readonly<Partial<Record<HeaderName, string>>>

/** One of the sixteen that decoders skip: RFC 8878 section 3.1.2. */
const magic = 0x184d2a5e
const frameHeadBytes = 8
const jsonBytesMax = 2048
const format = 'ringmaster-artifact'

/** @throws HttpError 400 where a header says nothing that could be said again */
export function artifactBlock(headers: IncomingHttpHeaders): Buffer {
  const said: Record<string, string> = { format }
  for (const header of headerNames) {
    const value = headers[header]
    if (value === undefined) continue
    const { name, form } = fields[header]
    if (typeof value !== 'string' || !form.test(value)) throw httpError(400, `malformed ${header}`)
    said[name] = value
  }
  const json = Buffer.from(JSON.stringify(said))
  const head = Buffer.alloc(frameHeadBytes)
  head.writeUInt32LE(magic, 0)
  head.writeUInt32LE(json.length, 4)
  return Buffer.concat([head, json])
}

interface ReadBlock {
  readonly lengthBytes: number
  readonly facts: ArtifactFacts
}

/** Nothing is known of files that came here in another way, by `raw` or `cp`: they are all artifact. */
const none: ReadBlock = { lengthBytes: 0, facts: {} }

function parseBlock(bytes: Buffer): ReadBlock {
  if (bytes.length < frameHeadBytes || bytes.readUInt32LE(0) !== magic) return none
  const lengthBytes = frameHeadBytes + bytes.readUInt32LE(4)
  if (lengthBytes > bytes.length) return none
  const said = parseJson(bytes.toString('utf8', frameHeadBytes, lengthBytes))
  if (said?.['format'] !== format) return none
  const facts: Partial<Record<HeaderName, string>> = {}
  for (const header of headerNames) {
    const { name, form } = fields[header]
    const value = said[name]
    // It becomes a header: somebody may have written the file who is not bound by what PUT refuses.
    if (typeof value === 'string' && form.test(value)) facts[header] = value
  }
  return { lengthBytes, facts }
}

function parseJson(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null
  } catch {
    return null
  }
}

async function readBlock(file: StoredFile): Promise<ReadBlock> {
  const bytes = Buffer.alloc(frameHeadBytes + jsonBytesMax) // of no pool: nobody else has this memory
  let filledBytes = 0
  for (;;) {
    const { bytesRead } = await file.read(bytes, filledBytes, bytes.length - filledBytes, filledBytes)
    filledBytes += bytesRead
    if (bytesRead === 0 || filledBytes === bytes.length) break
    const whole = filledBytes >= frameHeadBytes && frameHeadBytes + bytes.readUInt32LE(4) <= filledBytes
    if (whole || (filledBytes >= 4 && bytes.readUInt32LE(0) !== magic)) break
  }
  return parseBlock(bytes.subarray(0, filledBytes))
}

/** The folder of one request: what it opens is an artifact, and what is known of that is here afterwards. */
export class ArtifactFolder implements Folder {
  /** Of what was opened last. */
  facts: ArtifactFacts = {}
  private readonly inner: Folder

  constructor(inner: Folder) {
    this.inner = inner
  }

  async open(path: Buffer, flags: number): Promise<StoredFile> {
    const file = await this.inner.open(path, flags)
    try {
      // Of anything else not a byte is read: whoever asked looks what it is, too.
      if (!(await file.stat()).isFile()) return file
      const { lengthBytes, facts } = await readBlock(file)
      this.facts = facts
      return lengthBytes === 0 ? file : new Artifact(file, lengthBytes)
    } catch (error) {
      await file.close()
      throw error
    }
  }
}

/** The file behind its block. */
class Artifact implements StoredFile {
  private readonly inner: StoredFile
  private readonly blockBytes: number

  constructor(inner: StoredFile, blockBytes: number) {
    this.inner = inner
    this.blockBytes = blockBytes
  }

  get fd(): number {
    return this.inner.fd
  }

  read(buffer: Uint8Array, offset: number, length: number, position: number): Promise<{ bytesRead: number }> {
    return this.inner.read(buffer, offset, length, position + this.blockBytes)
  }

  async stat(): Promise<Stats> {
    const stats = await this.inner.stat()
    stats.size -= this.blockBytes
    return stats
  }

  close(): Promise<void> {
    return this.inner.close()
  }
}
