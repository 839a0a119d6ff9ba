// Who must go when too many are connected to the admin port: whoever has waited longest without a whole request, never whoever comes. A probe
// has to get through where others hold connections open and say nothing. Called by admin-server.ts.
import type { Server } from 'node:http'
import type { Socket } from 'node:net'

export interface ConnectionLimits {
  /** Beyond it, who says nothing is dropped; beyond twice as many, whoever has waited longest for an answer. */
  readonly connectionsMax: number
  /** Of a burst, before anybody has been read; refused beyond it. */
  readonly burstMax: number
}

export const usualConnections: ConnectionLimits = { connectionsMax: 128, burstMax: 1024 }

/** Whoever has just come may yet send its request: its client has other things to do, too. Not where it is as crowded as this. */
const newcomerMs = 250
const crowdedShare = 0.75

/** Puts the limits on `server`, before it listens. */
export function limitConnections(server: Server, { connectionsMax, burstMax }: ConnectionLimits): void {
  server.maxConnections = burstMax
  /** Without a request that is being answered, and since when; who has been so longest comes first. */
  const waiting = new Map<Socket, number>()
  /** How many requests of each are; who was asked first comes first. */
  const answering = new Map<Socket, number>()
  let isPlanned = false
  let later: NodeJS.Timeout | undefined
  const drop = (): void => {
    isPlanned = false
    clearTimeout(later)
    later = undefined
    const nowMs = performance.now()
    let excess = waiting.size + answering.size - connectionsMax
    for (const [socket, sinceMs] of [...waiting]) {
      if (excess <= 0) break
      const isCrowded = waiting.size + answering.size > burstMax * crowdedShare
      if (!isCrowded && nowMs - sinceMs < newcomerMs) {
        later = setTimeout(drop, newcomerMs - (nowMs - sinceMs)).unref()
        break
      }
      excess--
      waiting.delete(socket)
      socket.destroy()
    }
    for (const socket of [...answering.keys()].slice(0, Math.max(0, answering.size - 2 * connectionsMax))) {
      answering.delete(socket)
      socket.destroy()
    }
  }
  const check = (): void => {
    const connected = waiting.size + answering.size
    if (connected <= connectionsMax || isPlanned) return
    // A drop that waits for newcomers is too late for a crowd.
    if (later !== undefined && connected <= burstMax * crowdedShare) return
    isPlanned = true
    // Those that came in this turn are read in the next one.
    setImmediate(() => setImmediate(drop))
  }
  server.on('connection', (socket) => {
    waiting.set(socket, performance.now())
    socket.once('close', () => {
      waiting.delete(socket)
      answering.delete(socket)
    })
    check()
  })
  server.on('request', ({ socket }, response) => {
    waiting.delete(socket)
    if (!socket.destroyed) answering.set(socket, (answering.get(socket) ?? 0) + 1)
    check()
    response.once('close', () => {
      const others = (answering.get(socket) ?? 1) - 1
      if (others > 0) answering.set(socket, others)
      else {
        answering.delete(socket)
        if (!socket.destroyed) waiting.set(socket, performance.now())
      }
    })
  })
}
