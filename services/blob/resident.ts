// The blob service in a ring worker: a BlobServer on the ring of the thread that it lives in, on a socket that all instances share. Loaded
// there by URL (service.ts): a resident service's default export.
import type { MessagePort } from 'node:worker_threads'
import { expose, packError } from '../../workers/control.ts'
import type { ServiceLog } from '../http/exchange.ts'
import type { HttpCounters } from '../http/http-counters.ts'
import { FileRecorder } from '../recording/recorder.ts'
import type { Resident } from '../residents/protocol.ts'
import type { ServiceContext } from '../residents/runner.ts'
import { BlobRoot } from './blob-root.ts'
import { BlobServer } from './blob-server.ts'
import { Fence } from './fence.ts'
import { NameLocks } from './name-locks.ts'
import { defaultBlobLimits } from './limits.ts'
import type { BlobControl, BlobTask, LogLevel, LogLine, RoomAsked, TracesTold } from './protocol.ts'
import { Accounts } from './room/accounts.ts'
import { evict } from './room/evict.ts'
import { Recency, UsedFolder } from './room/recency.ts'
import { Room } from './room/room.ts'
import { aheadOf, countersOf, levelsOf } from './shared-counters.ts'

/** How often traces of requests are told, where there are new ones. */
const tracesMs = 1_000

export default async function start({ rings, data, ring, port }: ServiceContext): Promise<Resident> {
  const task = data as BlobTask
  const root = await BlobRoot.open(rings, task.root)
  const { durability, dialects, tokens } = task
  const { room, recency } = roomOf(task, ring, port)
  NameLocks.release(task.locks, ring) // of one that ended here
  const shared = { fence: new Fence(task.fence), locks: new NameLocks(task.locks, ring) }
  const recorder = new FileRecorder(root)
  const counters = countersOf(task.memory, ring)
  const objects = durability === null ? null : { store: root, durability, room, ...shared }
  const server = new BlobServer({
    handles: rings.rings.handles,
    folder: recency === null ? recorder : new UsedFolder(recorder, recency),
    log: logOver(port, ring, task.logsDebug),
    limits: task.limits,
    counters,
    objects,
    dialects,
    tokens,
    anonymousReads: task.anonymousReads,
    precompressed: task.precompressed,
    onChange: levelsOf(task.memory, ring),
    isAhead: aheadOf(task.memory, ring),
  })
  const stopTelling = tellTraces(port, counters)
  const limits = { ...defaultBlobLimits, ...task.limits }
  const removeAll: BlobControl['evict'] = async (victims) =>
    objects === null || room === null ? 0 : evict({ ...objects, settleMs: limits.validatorSettleMs }, room, victims)
  expose(controlOf(server, root, recorder, removeAll), port)
  server.accept(task.listenFd, task.instances > 1)
  return {
    async stop() {
      stopTelling()
      await server.drain(0)
      await root.close()
    },
  }
}

function roomOf(task: BlobTask, ring: number, port: MessagePort): { room: Room | null; recency: Recency | null } {
  if (task.room === null) return { room: null, recency: null }
  const accounts = new Accounts(task.room.accounts)
  accounts.releaseAll(ring) // of one that ended here
  const { roomWaitMsMax: waitMsMax } = { ...defaultBlobLimits, ...task.limits }
  const ask = (account: number): void => {
    port.postMessage({ account } satisfies RoomAsked)
  }
  return {
    room: new Room({ accounts, instance: ring, ask, waitMsMax }),
    recency: task.room.recency === null ? null : new Recency(task.room.recency, accounts),
  }
}

function controlOf(
  server: BlobServer,
  root: BlobRoot,
  recorder: FileRecorder,
  removeAll: BlobControl['evict'],
): BlobControl {
  const recordings = new Map<number, AbortController>()
  return {
    sendAway: () => {
      server.sendAway()
    },
    drain: (msMax) => server.drain(msMax),
    changeTokens: (known) => {
      server.changeTokens(known)
    },
    reopen: () => root.reopen(),
    evict: removeAll,
    traffic: () => server.traffic.part(),
    record: async (recording, seconds, sampleEvery) => {
      const enough = new AbortController()
      recordings.set(recording, enough)
      try {
        return await recorder.recordPart(seconds, sampleEvery, enough.signal)
      } finally {
        recordings.delete(recording)
      }
    },
    endRecording: (recording) => {
      recordings.get(recording)?.abort()
    },
  }
}

/** They are objects, which no shared memory takes. Returns what ends it. */
function tellTraces(port: MessagePort, counters: HttpCounters): () => void {
  let told = 0
  const timer = setInterval(() => {
    if (counters.traced === told) return
    told = counters.traced
    port.postMessage({ traces: counters.traces } satisfies TracesTold)
  }, tracesMs)
  timer.unref()
  return () => {
    clearInterval(timer)
  }
}

/** Lines go to the thread that has the log: writing them is not this one's work. */
function logOver(port: MessagePort, ring: number, logsDebug: boolean): ServiceLog {
  const line = (level: LogLevel) => (fields: object, message: string) => {
    const sent: Record<string, unknown> = { ring }
    for (const [name, value] of Object.entries(fields) as [string, unknown][])
      sent[name] = value instanceof Error ? packError(value) : value
    port.postMessage({ log: level, fields: sent, message } satisfies LogLine)
  }
  const debug = logsDebug ? line('debug') : (): void => undefined
  return { debug, info: line('info'), warn: line('warn'), error: line('error') }
}
