// Starts threads with rings and terminates each at a random moment. Arguments: seed, rounds. Prints the process before and after.
import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { binding } from '../../../native/binding.ts'
import { Control } from '../../../native/layout.ts'
import { controlWords } from '../../../native/ring-memory.ts'
import { makePipe } from '../support/pipe.ts'
import { eventually, kernelThreads, nodeThreads, processState, sameState } from '../support/process-state.ts'
import { randomFrom } from '../support/random.ts'
import type { Random } from '../support/random.ts'
import { controlBytes, placeOne } from '../support/rings.ts'

const [seed, rounds] = process.argv.slice(2).map(Number) as [number, number]
const addon = binding()
const program = new URL('./doomed-client.js', import.meta.url)
const fileSizeBytes = 32 * 1024 * 1024
const directory = mkdtempSync(path.join(tmpdir(), 'ringmaster-terminations-'))
const fileFd = openSync(path.join(directory, 'file'), 'w+')
ftruncateSync(fileFd, fileSizeBytes)
for (let at = 0; at < fileSizeBytes; at += 1024 * 1024)
  writeSync(fileFd, Buffer.alloc(1024 * 1024, at >> 20), 0, 1024 * 1024, at)
const pipe = makePipe()
const reached: Record<string, number> = { early: 0, running: 0 }
let closed = 0

async function round(random: Random): Promise<void> {
  const { memory, place } = placeOne(64, 128)
  const control = controlWords(memory, place)
  const hold = addon.hold(controlBytes(memory, place), null, null, false)
  control[Control.event_fd >> 2] = addon.eventfd()
  control[Control.wake_fd >> 2] = addon.eventfd()
  const thread = new Worker(program, {
    workerData: { memory, place, seed: random.below(2 ** 31), readFd: pipe.readFd, fileFd, fileSizeBytes },
  })
  let state = 'early'
  const running = new Promise((resolve, reject) => {
    thread.once('message', resolve)
    thread.once('error', reject)
    thread.once('exit', resolve)
  })
  thread.once('message', () => (state = 'running'))
  // A third while the thread is still setting up, the others some time after.
  if (random.below(3) === 0) await Promise.race([running, sleep(random.below(60))])
  else {
    await running
    await sleep(random.below(20))
  }
  reached[state]!++
  await thread.terminate()
  // The last hold: whatever the thread had is given back already.
  if (addon.release(hold)) closed++
}

async function run(count: number, random: Random): Promise<void> {
  for (let left = count; left > 0; left--) await round(random)
}

// Threads and descriptors that Node makes once are there before the first look.
await run(2, randomFrom(seed))
closed = 0
await eventually(() => kernelThreads().length === 0)
const first = processState()
const firstThreads = nodeThreads()
const lanes = 4
await Promise.all(Array.from({ length: lanes }, (_, lane) => run(rounds / lanes, randomFrom(seed + lane))))
await eventually(() => sameState(processState(), first) && nodeThreads() <= firstThreads)
const last = processState()
pipe.close()
closeSync(fileFd)
rmSync(directory, { recursive: true })
process.stdout.write(JSON.stringify({ first, last, threadsLeft: nodeThreads() - firstThreads, closed, reached }))
