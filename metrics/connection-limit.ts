// Who must go when too many are connected to the admin port: whoever has waited longest without a whole request, never whoever comes. A probe
// has to get through where others hold connections open and say nothing. Called by admin-server.ts.
import type { Server } from 'node:http'
import type { Socket } from 'node:net'

/** Beyond it, who says nothing is dropped. */
const connectionsMax = 128
/** Of a burst, before anybody has been read; refused beyond it. */
const burstMax = 1024

/** Puts the limit on `server`, before it listens. */
export function limitConnections(server: Server): void {
  server.maxConnections = burstMax
  /** Without a request that is being answered; who has been so longest comes first. */
  const waiting = new Set<Socket>()
  /** How many requests of each are. */
  const answering = new Map<Socket, number>()
  let planned = false
  const drop = (): void => {
    planned = false
    const [...longest] = waiting
    for (const socket of longest.slice(0, Math.max(0, waiting.size + answering.size - connectionsMax))) {
      socket.destroy()
      waiting.delete(socket)
    }
  }
  server.on('connection', (socket) => {
    waiting.add(socket)
    socket.once('close', () => {
      waiting.delete(socket)
      answering.delete(socket)
    })
    if (planned || waiting.size + answering.size <= connectionsMax) return
    planned = true
    // Those that came in this turn are read in the next one: who has sent a request by then is served.
    setImmediate(() => setImmediate(drop))
  })
  server.on('request', ({ socket }, response) => {
    waiting.delete(socket)
    if (!socket.destroyed) answering.set(socket, (answering.get(socket) ?? 0) + 1)
    response.once('close', () => {
      const others = (answering.get(socket) ?? 1) - 1
      if (others > 0) answering.set(socket, others)
      else {
        answering.delete(socket)
        if (!socket.destroyed) waiting.add(socket)
      }
    })
  })
}
