// A blob service that takes uploads, in this thread: a folder, a Ringmaster, a server on a free port. Used by the tests of services/blob.
import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BlobRoot } from '../../services/blob/blob-root.ts'
import { BlobServer } from '../../services/blob/blob-server.ts'
import type { KnownToken } from '../../services/blob/access.ts'
import type { DialectName } from '../../services/blob/dialects/index.ts'
import { Fence } from '../../services/blob/fence.ts'
import type { BlobLimits } from '../../services/blob/limits.ts'
import { NameLocks } from '../../services/blob/name-locks.ts'
import type { Durability } from '../../services/blob/put.ts'
import type { BlobStore } from '../../services/blob/store.ts'
import type { Room } from '../../services/blob/room/room.ts'
import { Ringmaster } from '../../services/ringmaster.ts'
import { descriptors } from '../services/harness.ts'

export interface Objects extends AsyncDisposable {
  readonly root: string
  readonly port: number
  readonly server: BlobServer
  readonly fence: Fence
  readonly log: string[]
  readonly rings: Ringmaster
  /** Files and folders below the root which this process has open. */
  openFiles(): string[]
}

export interface ObjectsOptions {
  /** null: nothing may be changed. */
  readonly durability?: Durability | null
  readonly dialects?: readonly DialectName[]
  readonly precompressed?: boolean
  readonly tokens?: readonly KnownToken[]
  readonly limits?: Partial<BlobLimits>
  readonly room?: Room
  /** Where faults come in. */
  readonly wrap?: (store: BlobStore) => BlobStore
  readonly parent?: string
}

export async function startObjects(options: ObjectsOptions = {}): Promise<Objects> {
  const { durability = 'full', dialects, precompressed = false, tokens, limits, wrap, room = null } = options
  const { parent = tmpdir() } = options
  const root = realpathSync(mkdtempSync(join(parent, 'ringmaster-blob-')))
  const rings = await Ringmaster.start({ rings: 1 })
  const opened = await BlobRoot.open(rings, root)
  const store = wrap?.(opened) ?? opened
  const fence = new Fence()
  const log: string[] = []
  const line = (_: object, message: string): void => void log.push(message)
  const server = await BlobServer.start({
    handles: rings.rings.handles,
    folder: store,
    log: { debug: () => undefined, info: line, warn: line, error: line },
    limits: { validatorSettleMs: 0, ...limits },
    objects: durability === null ? null : { store, fence, durability, locks: new NameLocks(), room },
    ...(dialects !== undefined && { dialects }),
    precompressed,
    tokens: tokens ?? null,
    host: '127.0.0.1',
    port: 0,
  })
  return {
    ...{ root, server, fence, log, rings },
    port: server.address.port,
    openFiles: () => descriptors().filter((target) => target.startsWith(`${root}/`)),
    [Symbol.asyncDispose]: async () => {
      await server.drain(0)
      await opened.close()
      await rings.close()
      rmSync(root, { recursive: true, force: true })
    },
  }
}

export interface Said {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
  /** The client was asked for its body. */
  readonly asked: boolean
}

/** One request by node:http; `body` in parts is sent in chunks, unless its length is in `headers`. */
export function say(
  port: number,
  method: string,
  path: string,
  body?: Buffer | string | Iterable<Buffer>,
  headers: OutgoingHttpHeaders = {},
): Promise<Said> {
  return new Promise((resolve, reject) => {
    let asked = false
    const request = httpRequest({ host: '127.0.0.1', port, method, path, headers, agent: false }, (answer) => {
      const parts: Buffer[] = []
      answer.on('data', (part: Buffer) => parts.push(part))
      answer.on('error', reject)
      answer.on('end', () => {
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.concat(parts), asked })
      })
    })
    request.on('error', reject)
    const send = (): void => {
      if (body === undefined || typeof body === 'string' || Buffer.isBuffer(body)) request.end(body)
      else {
        for (const part of body) request.write(part)
        request.end()
      }
    }
    if (headers['Expect'] === undefined) send()
    else {
      request.flushHeaders()
      request.on('continue', () => {
        asked = true
        send()
      })
    }
  })
}
