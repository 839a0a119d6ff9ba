// A ring worker: the thread that owns a ring's life. Started by pool.ts as one short piscina task, which opens the ring (or adopts
// the ring of a worker that died) and returns; from then on the thread sleeps in its event loop (or polls, with the `worker` poller)
// and answers control calls. Nothing of I/O goes through piscina.
import type { MessagePort } from 'node:worker_threads'
import { RegisterOp, RsrcRegister, rsrcRegisterSparse } from '../native/abi.ts'
import { binding } from '../native/binding.ts'
import { kernelError } from '../native/errors.ts'
import { Control, arenasMax, leasedDescriptors, rawBuffers } from '../native/layout.ts'
import { controlWords, viewRing } from '../native/ring-memory.ts'
import { layOutRing } from '../native/user-ring.ts'
import { RingMetrics, WorkerCounter } from '../metrics/ring-metrics.ts'
import { openAffordableRing } from './affordable-ring.ts'
import type { ClientRingOpened, ClientRingTask } from './client-ring.ts'
import { exposeControl, packError } from './control.ts'
import type { RingWorkerControl, SentError } from './control.ts'
import { Poller } from './poller-kind.ts'
import { registerHere } from './remote-register.ts'
import { restrictAndEnable } from './restrictions.ts'
import { Journal } from './threadpool/journal.ts'
import { startThreadpoolPoller } from './threadpool/poller.ts'
import { WorkerPoller } from './worker-poller.ts'
import { WorkerRings } from './worker-rings.ts'
import type { OpenedHere } from './worker-rings.ts'

/** What opening a ring takes, the worker's own or a client's. */
type RingTask = Omit<ClientRingTask, 'client'>

/** What a ring worker is told at its start. Plain data and a port. */
export interface RingWorkerTask extends RingTask {
  readonly ring: number
  /** CPUs this thread may run on; empty: any. */
  readonly cpus: readonly number[]
  readonly port: MessagePort
}

/** What it answers. */
export type RingWorkerStarted = ClientRingOpened

type RingTables = Pick<RingWorkerStarted, 'directDescriptors' | 'registeredBuffers'>

export type RingWorkerAnswer = { readonly started: RingWorkerStarted } | { readonly failed: SentError }

/** REGISTER_FILE_ALLOC_RANGE (6.0): where the kernel looks for a free slot when a raw operation asks for any. */
const registerFileAllocRange = 25

/**
 * Registers a table of direct descriptors: first those of raw operations, then those that are leased, then `count` for
 * readFile's leases, so that none gets in another's way. Returns `count`, or 0 where there is no table: files are then opened into the process's own.
 */
function registerDirectDescriptors(ringFd: number, rawDescriptors: number, count: number): number {
  const addon = binding()
  const size = rawDescriptors + leasedDescriptors + count
  const table = new DataView(new ArrayBuffer(RsrcRegister.sizeBytes))
  table.setUint32(RsrcRegister.nr, size, true)
  table.setUint32(RsrcRegister.flags, rsrcRegisterSparse, true)
  const sparse = addon.register(
    ringFd,
    RegisterOp.REGISTER_FILES2,
    new Uint8Array(table.buffer),
    RsrcRegister.sizeBytes,
  )
  // Before 5.19: a table of -1 is a sparse table.
  if (sparse < 0 && addon.register(ringFd, RegisterOp.REGISTER_FILES, new Int32Array(size).fill(-1), size) < 0) return 0
  const range = Uint32Array.of(0, rawDescriptors, 0, 0)
  addon.register(ringFd, registerFileAllocRange, range, 0) // before 6.0 nobody can ask for any slot
  return count
}

/** Registers a table of buffers, all of it empty (5.19). Returns its size, or 0. */
function registerBufferTable(ringFd: number): number {
  const table = new DataView(new ArrayBuffer(RsrcRegister.sizeBytes))
  table.setUint32(RsrcRegister.nr, rawBuffers + arenasMax, true)
  table.setUint32(RsrcRegister.flags, rsrcRegisterSparse, true)
  const registered = binding().register(ringFd, RegisterOp.REGISTER_BUFFERS2, table, RsrcRegister.sizeBytes)
  return registered < 0 ? 0 : rawBuffers + arenasMax
}

/** What a ring of the kernel is told before it is used. Returns the sizes of its tables. */
function register(ringFd: number, control: Int32Array, task: RingTask): RingTables {
  const eventFd = Int32Array.of(Atomics.load(control, Control.event_fd >> 2))
  const registered = binding().register(ringFd, RegisterOp.REGISTER_EVENTFD, eventFd, 1)
  if (registered < 0) throw kernelError(registered, 'io_uring_register')
  const directDescriptors = registerDirectDescriptors(ringFd, task.rawDescriptors, task.directDescriptors)
  const registeredBuffers = registerBufferTable(ringFd)
  if (task.restrictions !== undefined) restrictAndEnable(ringFd, task.restrictions) // after all else is registered
  return { directDescriptors, registeredBuffers }
}

/** Entry of the piscina task. What fails is packed: structured clone would drop an error's code. */
export default function start(task: RingWorkerTask): RingWorkerAnswer {
  try {
    return { started: open(task) }
  } catch (error) {
    return { failed: packError(error) }
  }
}

function open(task: RingWorkerTask): RingWorkerStarted {
  const addon = binding()
  if (task.cpus.length > 0) {
    const pinned = addon.setAffinity(task.cpus)
    if (pinned < 0) throw kernelError(pinned, 'sched_setaffinity')
  }
  const own = openHere(task)
  const { started } = own
  clients ??= new WorkerRings(openHere)
  const others = clients
  const control: RingWorkerControl = {
    threadId: () => addon.threadId(),
    register: registerHere(started.geometry.ringFd),
    close: () => {
      own.close()
    },
    openRing: (client) => others.openRing(client),
    registerFor: (client, ...call) => others.register(client, ...call),
    closeRing: (client) => {
      others.closeRing(client)
    },
    run: async (moduleUrl, port) => {
      poller?.share()
      const module = (await import(moduleUrl)) as { default: (port: MessagePort) => void }
      module.default(port)
    },
  }
  exposeControl(control, task.port)
  return started
}

/** Of this thread: for its own ring and those of clients. */
let poller: WorkerPoller | undefined

/** Of this thread: they stay when its own ring is lost and made anew. */
let clients: WorkerRings | undefined

function openHere(task: RingTask): OpenedHere {
  const addon = binding()
  const control = controlWords(task.memory, task.place)
  const controlBytes = new Uint8Array(task.memory, task.place.controlOffsetBytes, Control.sizeBytes)
  const kernelless = task.poller === Poller.threadpool
  const { adopt } = task
  const metrics = new RingMetrics(task.memory, task.place.metricsOffsetBytes)
  const onHalved = (): void => {
    metrics.worker[WorkerCounter.entryHalvings]! += 1
  }
  const makeRing = kernelless ? layOutRing : openAffordableRing
  const geometry = adopt?.geometry ?? makeRing(task.memory, task.place, task.setup, onHalved)
  const hold = addon.hold(controlBytes, null, null, task.poller === Poller.kernel)
  const view = viewRing(task.memory, task.place, geometry)
  let stopPoller: () => void = () => undefined
  let beat: NodeJS.Timeout | undefined
  let closed = false
  const close = (): void => {
    if (closed) return
    closed = true
    clearInterval(beat)
    stopPoller()
    view.detach()
    addon.release(hold)
  }
  try {
    const { directDescriptors, registeredBuffers } =
      adopt ??
      (kernelless
        ? { directDescriptors: task.directDescriptors, registeredBuffers: 0 }
        : register(geometry.ringFd, control, task))
    const heartbeat = (): void => {
      Atomics.add(control, Control.heartbeat >> 2, 1)
      metrics.worker[WorkerCounter.heartbeats]! += 1
      metrics.worker[WorkerCounter.heartbeatTimestampMs] = Date.now()
    }
    heartbeat()
    beat = setInterval(heartbeat, task.heartbeatMs)
    beat.unref()
    if (task.poller === Poller.worker) {
      const wakeFd = Atomics.load(control, Control.wake_fd >> 2)
      poller ??= new WorkerPoller()
      stopPoller = poller.add({
        geometry,
        words: view.ring.words,
        controlBytes,
        control,
        wakeFd,
        metrics,
        spinNs: task.spinNs,
      })
    } else if (kernelless && task.journal !== null) {
      const { words, sqes } = view.ring
      stopPoller = startThreadpoolPoller({
        geometry,
        words,
        sqes,
        control,
        directDescriptors,
        rawDescriptors: task.rawDescriptors,
        metrics,
        journal: Journal.of(task.journal, geometry),
      })
    }
    return { started: { geometry, threadId: addon.threadId(), directDescriptors, registeredBuffers }, close }
  } catch (error) {
    close()
    throw error
  }
}
