// Makes a ring with an SQ thread, as a ring worker does, tells what it is, and waits for its end.
import { parentPort, workerData } from 'node:worker_threads'
import { SetupFlag } from '../../../native/abi.ts'
import { binding } from '../../../native/binding.ts'
import type { RingPlace } from '../../../native/layout.ts'
import { openRing } from '../../../native/ring-memory.ts'
import { controlBytes } from '../support/rings.ts'

const { memory, place } = workerData as { readonly memory: SharedArrayBuffer; readonly place: RingPlace }
binding().hold(controlBytes(memory, place), null, null, true)
const setup = { sqEntries: 8, cqEntries: 16, sqThreadIdleMs: 1, sqThreadCpu: -1, memory: 'user' } as const
parentPort!.postMessage(openRing(memory, place, { ...setup, flags: SetupFlag.SQPOLL }))
setInterval(() => undefined, 1000)
