// A thread of a leg with several clients: joins the main thread's rings, and does its share of each window. Started by clients.ts; whatever fails
// ends the thread with the error, and so the leg.
import { parentPort, workerData } from 'node:worker_threads'
import type { RingsHandle } from '../../clients/handle.ts'
import { LayoutImpossibleError } from '../../tune/types.ts'
import type { LegOrder } from '../order.ts'
import { Station } from './station.ts'
import type { StationResult, StationWindow } from './station.ts'

/** What a client is started with. */
export interface ClientData {
  readonly order: LegOrder
  /** Null for node:fs. */
  readonly rings: RingsHandle | null
  readonly thread: number
}

/** What it answers to each window. */
export type ClientAnswer = StationResult | { readonly impossible: string }

const port = parentPort
if (port === null) throw new Error('this is a thread of clients.ts')
const { order, rings: handle, thread } = workerData as ClientData
// On demand: legs of node:fs must not have loaded the library.
const rings = handle === null ? null : await (await import('../../ringmaster.ts')).Ringmaster.join(handle)
const station = new Station(order, rings, thread)

async function answer(window: StationWindow): Promise<ClientAnswer> {
  try {
    return await station.run(window)
  } catch (error) {
    // An error's class does not survive the way to another thread.
    if (error instanceof LayoutImpossibleError) return { impossible: error.message }
    throw error
  }
}

async function obey(window: StationWindow | null): Promise<void> {
  if (window !== null) {
    port?.postMessage(await answer(window))
    return
  }
  await station.close()
  await rings?.close()
  port?.close()
}

port.on('message', (window: StationWindow | null) => void obey(window))
port.postMessage('ready')
