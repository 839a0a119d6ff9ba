// Carries out the body of a plan: file → buffer → socket, one chunk read ahead while another is being sent. Called by
// file-service.ts. Two rules hold on every path through this file:
//   a buffer is touched again only when the socket is done with it (the callback of `write`), and
//   a buffer is released only when the last read into it has settled, even if the client is long gone.
import type { BufferPool } from './buffer-pool.ts'
import type { HttpAnswer } from './exchange.ts'
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
  buffer: Uint8Array
}

/** Sends head and body, and waits until the client's socket has taken all of it. */
export async function sendBody(sending: Sending): Promise<void> {
  const state: SendState = { ...sending, spare: undefined }
  const [only] = sending.plan.pieces
  try {
    if (only?.kind === 'file' && sending.plan.pieces.length === 1 && only.lengthBytes <= state.buffer.length) {
      await sendInOne(state, only.startBytes, only.lengthBytes)
    } else {
      await sendInPieces(state)
    }
  } finally {
    state.pool.release(state.buffer)
    if (state.spare !== undefined) state.pool.release(state.spare)
  }
}

interface SendState extends Sending {
  /** A second buffer to read ahead into, while there are enough for everybody. */
  spare: Uint8Array | undefined
}

/** The common case: a small file. It is read before the head is sent, so that any failure still has an answer. */
async function sendInOne(state: SendState, startBytes: number, lengthBytes: number): Promise<void> {
  const { response, plan, file, buffer } = state
  let filledBytes = 0
  while (filledBytes < lengthBytes) {
    const missingBytes = lengthBytes - filledBytes
    filledBytes += await readSome(file, buffer, filledBytes, missingBytes, startBytes + filledBytes)
  }
  if (response.destroyed) throw new ClientGone()
  response.writeHead(plan.status, plan.headers)
  await end(response, buffer.subarray(0, lengthBytes))
  state.sent(lengthBytes)
}

async function sendInPieces(state: SendState): Promise<void> {
  for (const piece of state.plan.pieces) {
    if (piece.kind === 'text') {
      await write(state, piece.text)
      state.sent(piece.text.length)
    } else await sendFilePiece(state, piece)
  }
  await end(state.response)
}

async function sendFilePiece(state: SendState, piece: BodyPiece & { kind: 'file' }): Promise<void> {
  const endBytes = piece.startBytes + piece.lengthBytes
  let position = piece.startBytes
  let bytesRead = await fill(state, state.buffer, position, endBytes)
  for (;;) {
    position += bytesRead
    const ahead = position < endBytes ? readAhead(state, position, endBytes) : undefined
    try {
      await write(state, state.buffer.subarray(0, bytesRead))
      state.sent(bytesRead)
    } catch (error) {
      await ahead?.settled // the kernel may still be writing to the spare buffer
      throw error
    }
    if (position === endBytes) return
    if (ahead === undefined) {
      bytesRead = await fill(state, state.buffer, position, endBytes)
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
  if (state.spare === undefined) return
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

/** Resolves when the socket has no more use for `bytes`. */
function write({ response, plan }: SendState, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    if (response.destroyed) {
      reject(new ClientGone())
      return
    }
    if (!response.headersSent) response.writeHead(plan.status, plan.headers)
    // A socket that dies may drop the callback; after 'close' it has dropped the bytes, too.
    const onClose = (): void => {
      reject(new ClientGone())
    }
    response.once('close', onClose)
    response.write(bytes, (error) => {
      response.off('close', onClose)
      if (error) reject(new ClientGone())
      else resolve()
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
