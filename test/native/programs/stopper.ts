// Sets the stop word of a ring a moment after it has said that it will.
import { parentPort, workerData } from 'node:worker_threads'
import { Control } from '../../../native/layout.ts'
import { pauseMs } from '../support/rings.ts'

const { control } = workerData as { readonly control: Int32Array }
parentPort!.postMessage('soon')
pauseMs(30)
Atomics.store(control, Control.stop >> 2, 1)
