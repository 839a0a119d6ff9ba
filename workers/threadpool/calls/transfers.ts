// Reads and writes on the `threadpool` poller, with one buffer or several; the "fixed" forms are the same here.
//
// As io_uring does it: first an attempt that does not wait (RWF_NOWAIT), in the ring worker's own thread, which is all that a cached
// read takes. What would wait for a disk goes to a thread; what would wait for somebody else waits for readiness.
import type { Call, Kit, Request } from '../request.ts'
import { POLLIN, POLLOUT } from './streams.ts'

const EAGAIN = -11
const EINTR = -4
const ESPIPE = -29
const EOPNOTSUPP = -95
const RWF_NOWAIT = 0x8
const F_GETFL = 3
const O_NONBLOCK = 0o4000
// The same on every architecture that differs in nothing else here but arm64, where it is O_DIRECTORY's number elsewhere.
const O_DIRECT = process.arch === 'arm64' ? 0o200000 : 0o40000
/** More than this is copied by a thread: the ring worker has others to serve. */
const inlineBytesMax = 131072

interface Direction {
  readonly call: 'preadv2' | 'pwritev2'
  readonly events: number
  readonly vectored: boolean
}

/** Puts the struct iovec of what is left to move into the request's scratch memory; arguments of the system call. */
function vectorOf(request: Request, vectored: boolean): { address: number; count: number } {
  if (vectored) return { address: request.address, count: request.length }
  const address = request.address + request.moved
  const { scratch } = request
  scratch.setUint32(0, address >>> 0, true)
  scratch.setUint32(4, Math.floor(address / 4294967296), true)
  scratch.setUint32(8, request.length - request.moved, true)
  scratch.setUint32(12, 0, true)
  return { address: request.scratchAddress, count: 1 }
}

const position = (request: Request): number => (request.offset < 0 ? -1 : request.offset + request.moved)

function attempt(request: Request, kit: Kit, { call, vectored }: Direction, rwFlags: number): number {
  const { address, count } = vectorOf(request, vectored)
  kit.attempted(request)
  return kit.now(kit.calls[call], request.callFd, address, count, position(request), 0, request.opFlags | rwFlags)
}

function onThread(request: Request, kit: Kit, { call, vectored }: Direction): void {
  const { address, count } = vectorOf(request, vectored)
  request.onDone = addMoved
  kit.execute(request, kit.calls[call], request.callFd, address, count, position(request), 0, request.opFlags)
}

const addMoved = (request: Request, kit: Kit, result: number): void => {
  kit.finish(request, request.moved > 0 ? request.moved + Math.max(0, result) : result)
}

function transfer(request: Request, kit: Kit, direction: Direction): void {
  const { callFd } = request
  const openFlags = kit.now(kit.calls.fcntl, callFd, F_GETFL)
  if (openFlags < 0) {
    kit.finish(request, openFlags)
    return
  }
  const large = direction.vectored || request.length > inlineBytesMax || direction.call === 'pwritev2'
  const slow = (openFlags & O_DIRECT) !== 0 || large
  if (slow && kit.isDisk(callFd)) {
    onThread(request, kit, direction)
    return
  }
  const result = attempt(request, kit, direction, RWF_NOWAIT)
  if (result >= 0) moved(request, kit, direction, result)
  else if (result === ESPIPE && request.offset >= 0) {
    request.words[2] = request.words[3] = -1 // a stream has no positions: io_uring ignores them
    transfer(request, kit, direction)
  } else if (result === EINTR) transfer(request, kit, direction)
  else if (result !== EAGAIN && result !== EOPNOTSUPP) addMoved(request, kit, result)
  else wouldWait(request, kit, direction, result, (openFlags & O_NONBLOCK) !== 0)
}

// A short read of a file may be its end, or the end of what is cached: only reading on tells.
function moved(request: Request, kit: Kit, direction: Direction, result: number): void {
  const total = request.moved + result
  const short = direction.call === 'preadv2' && !direction.vectored && result > 0 && total < request.length
  if (!short || !kit.isDisk(request.callFd)) {
    kit.finish(request, total)
    return
  }
  request.moved = total
  transfer(request, kit, direction)
}

function wouldWait(request: Request, kit: Kit, direction: Direction, result: number, nonBlocking: boolean): void {
  const { callFd, opFlags } = request
  const { events } = direction
  if (kit.isDisk(callFd)) onThread(request, kit, direction)
  else if ((opFlags & RWF_NOWAIT) !== 0) addMoved(request, kit, result)
  else if (result === EOPNOTSUPP && nonBlocking) {
    const moved = attempt(request, kit, direction, 0)
    if (moved !== EAGAIN || !kit.wait(request, events)) addMoved(request, kit, moved)
  }
  // A FIFO cannot be asked not to wait. Once it is ready a thread does it, which hardly ever waits, and can be interrupted.
  else if (result === EOPNOTSUPP && kit.ready(callFd, events) !== 0) onThread(request, kit, direction)
  else if (!kit.wait(request, events)) onThread(request, kit, direction)
}

const reading = { call: 'preadv2', events: POLLIN } as const
const writing = { call: 'pwritev2', events: POLLOUT } as const

export const read: Call = (request, kit) => {
  transfer(request, kit, { ...reading, vectored: false })
}
export const write: Call = (request, kit) => {
  transfer(request, kit, { ...writing, vectored: false })
}
export const readv: Call = (request, kit) => {
  transfer(request, kit, { ...reading, vectored: true })
}
export const writev: Call = (request, kit) => {
  transfer(request, kit, { ...writing, vectored: true })
}
