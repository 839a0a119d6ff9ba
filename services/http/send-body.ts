// Carries out the body of a plan: file → buffer → socket, one chunk read ahead while another is being sent. Called by
// file-service.ts. Two rules hold on every path through this file:
//   a buffer is touched again only when the socket is done with it (the callback of `write`), and
//   a buffer is released only when the last read into it has settled, even if the client is long gone.
// Where requests wait for buffers, a client that is slow to take what is in one has to do without until it takes bytes again: what the socket
// did not take is read once more then.
import { leaseWhileConnected, type BufferPool } from './buffer-pool.ts'
import type { HttpAnswer, Offer } from './exchange.ts'
import { ClientGone, httpError } from './http-error.ts'
import type { BodyPiece, ResponsePlan } from './plan.ts'
import type { StoredFile } from './storage.ts'

export interface Sending {
  readonly response: HttpAnswer
  readonly plan: ResponsePlan
  readonly file: StoredFile
  readonly pool: BufferPool
  /** Told of bytes of the body as the socket takes them. */
  readonly sent: (sizeBytes: number) => void
  /** Leased from `pool` for this response; `sendBody` gives it back. */
  readonly buffer: Uint8Array
}

/** Sends head and body, and waits until the client's socket has taken all of it. */
export async function sendBody(sending: Sending): Promise<void> {
  const state: SendState = { ...sending, spare: undefined, hasRoom: false, wasRefused: false }
  const [only] = sending.plan.pieces
  try {
    if (only?.kind === 'file' && sending.plan.pieces.length === 1 && only.lengthBytes <= sending.buffer.length) {
      await sendInOne(state, only)
    } else {
      await sendInPieces(state)
    }
  } finally {
    giveBack(state)
  }
}

type FilePiece = BodyPiece & { kind: 'file' }

interface SendState extends Omit<Sending, 'buffer'> {
  /** undefined while the client takes nothing. */
  buffer: Uint8Array | undefined
  /** The client has said that it takes bytes. */
  hasRoom: boolean
  /** It took none then, as a kernel without memory does: it is to say by itself when it does. */
  wasRefused: boolean
  /** A second buffer to read ahead into, while there are enough for everybody. */
  spare: Uint8Array | undefined
}

/** The common case: a small file. It is read before the head is sent, so that any failure still has an answer. */
async function sendInOne(state: SendState, { startBytes, lengthBytes }: FilePiece): Promise<void> {
  const { response, plan, file } = state
  const buffer = state.buffer!
  let filledBytes = 0
  while (filledBytes < lengthBytes) {
    const missingBytes = lengthBytes - filledBytes
    filledBytes += await readSome(file, buffer, filledBytes, missingBytes, startBytes + filledBytes)
  }
  if (response.destroyed) throw new ClientGone()
  response.writeHead(plan.status, plan.headers)
  const bytes = buffer.subarray(0, lengthBytes)
  if (response.offer === undefined) {
    await end(response, bytes)
    state.sent(lengthBytes)
    return
  }
  const takenBytes = await offer(state, bytes, true)
  state.sent(takenBytes)
  if (takenBytes === lengthBytes) return
  await stepAside(state)
  await sendFilePiece(state, {
    kind: 'file',
    startBytes: startBytes + takenBytes,
    lengthBytes: lengthBytes - takenBytes,
  })
  await end(response)
}

async function sendInPieces(state: SendState): Promise<void> {
  for (const piece of state.plan.pieces) {
    if (piece.kind === 'text') await sendText(state, piece.text)
    else await sendFilePiece(state, piece)
  }
  await end(state.response)
}

async function sendText(state: SendState, text: Buffer): Promise<void> {
  for (let done = 0; ;) {
    const takenBytes = await write(state, text.subarray(done))
    state.sent(takenBytes)
    done += takenBytes
    if (done === text.length) return
    await stepAside(state)
  }
}

async function sendFilePiece(state: SendState, piece: FilePiece): Promise<void> {
  const endBytes = piece.startBytes + piece.lengthBytes
  let position = piece.startBytes
  let bytesRead = await fill(state, state.buffer!, position, endBytes)
  for (;;) {
    const bytes = state.buffer!.subarray(0, bytesRead)
    position += bytesRead
    const ahead = position < endBytes ? readAhead(state, position, endBytes) : undefined
    let takenBytes
    try {
      takenBytes = await write(state, bytes)
      state.sent(takenBytes)
    } catch (error) {
      await ahead?.settled // the kernel may still be writing to the spare buffer
      throw error
    }
    if (takenBytes < bytesRead) {
      await ahead?.settled
      position -= bytesRead - takenBytes
      await stepAside(state)
      bytesRead = await fill(state, state.buffer!, position, endBytes)
    } else if (position === endBytes) return
    else if (ahead === undefined) {
      bytesRead = await fill(state, state.buffer!, position, endBytes)
    } else {
      bytesRead = await ahead.bytesRead
      swapBuffers(state)
    }
  }
}

interface ReadAhead {
  readonly bytesRead: Promise<number>
  /** Never rejects: for whoever only has to wait. */
  readonly settled: Promise<unknown>
}

function readAhead(state: SendState, position: number, endBytes: number): ReadAhead | undefined {
  state.spare ??= state.pool.tryLease()
  if (state.spare === undefined) return undefined
  const bytesRead = fill(state, state.spare, position, endBytes)
  return { bytesRead, settled: bytesRead.catch(() => undefined) }
}

/** The buffer read ahead becomes the current one; the other is kept only while no other response waits for one. */
function swapBuffers(state: SendState): void {
  const sent = state.buffer
  if (state.spare === undefined || sent === undefined) return
  state.buffer = state.spare
  state.spare = sent
  if (state.pool.waiting === 0) return
  state.spare = undefined
  state.pool.release(sent)
}

function fill(state: SendState, buffer: Uint8Array, position: number, endBytes: number): Promise<number> {
  return readSome(state.file, buffer, 0, Math.min(buffer.length, endBytes - position), position)
}

/** At least one byte. A file that ends early was cut after its length had been promised. */
async function readSome(
  file: StoredFile,
  buffer: Uint8Array,
  offset: number,
  length: number,
  position: number,
): Promise<number> {
  const { bytesRead } = await file.read(buffer, offset, length, position)
  if (bytesRead === 0) throw httpError(503, 'the file became shorter while it was being sent')
  return bytesRead
}

/** Nothing is held while the client takes nothing. Others that wait are first. */
async function stepAside(state: SendState): Promise<void> {
  const { pool, response } = state
  giveBack(state)
  await writable(response)
  state.hasRoom = true
  state.buffer = pool.tryLease() ?? (await leaseWhileConnected(pool, response, true))
}

function giveBack(state: SendState): void {
  const { buffer, spare, pool } = state
  state.buffer = undefined
  state.spare = undefined
  if (buffer !== undefined) pool.release(buffer)
  if (spare !== undefined) pool.release(spare)
}

function writable(response: HttpAnswer): Promise<void> {
  return new Promise((resolve, reject) => {
    response.whenWritable?.((error) => {
      if (error === null) resolve()
      else reject(new ClientGone())
    })
  })
}

const offers: Readonly<Record<'all' | 'brief' | 'last' | 'briefLast', Offer>> = {
  all: { brief: false, last: false },
  brief: { brief: true, last: false },
  last: { brief: false, last: true },
  briefLast: { brief: true, last: true },
}

/** Resolves with how many of `bytes` the socket took, when it has no more use for them. */
function offer(state: SendState, bytes: Uint8Array, last: boolean): Promise<number> {
  const isBrief = state.pool.waiting > 0 && !state.wasRefused
  const how = offers[isBrief ? (last ? 'briefLast' : 'brief') : last ? 'last' : 'all']
  return new Promise((resolve, reject) => {
    state.response.offer!(bytes, how, (error, takenBytes) => {
      state.wasRefused = state.hasRoom && takenBytes === 0
      state.hasRoom = false
      if (error === null) resolve(takenBytes)
      else reject(new ClientGone())
    })
  })
}

/** Resolves with how many of `bytes` the socket took, when it has no more use for them: of node:http's all. */
function write(state: SendState, bytes: Uint8Array): Promise<number> {
  const { response, plan } = state
  if (response.destroyed) return Promise.reject(new ClientGone())
  if (!response.headersSent) response.writeHead(plan.status, plan.headers)
  return response.offer === undefined ? writeAll(response, bytes) : offer(state, bytes, false)
}

function writeAll(response: HttpAnswer, bytes: Uint8Array): Promise<number> {
  return new Promise((resolve, reject) => {
    // A socket that dies may drop the callback; after 'close' it has dropped the bytes, too.
    const onClose = (): void => {
      reject(new ClientGone())
    }
    response.once('close', onClose)
    response.write(bytes, (error) => {
      response.off('close', onClose)
      if (error) reject(new ClientGone())
      else resolve(bytes.length)
    })
  })
}

/** Ends the answer, with its last bytes if there are any, and waits until the socket has taken everything. */
export function end(response: HttpAnswer, bytes?: Uint8Array | string): Promise<void> {
  return new Promise((resolve, reject) => {
    response.once('finish', resolve)
    response.once('close', () => {
      reject(new ClientGone()) // without effect after 'finish'
    })
    if (response.destroyed) reject(new ClientGone())
    else response.end(bytes)
  })
}
