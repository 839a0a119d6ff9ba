// The three ways to keep operations in flight: promises, callbacks, a blocking loop. Called by drivers/*; measure.ts runs
// what they return. All read the clock once per operation: the end of one is the start of the next in its lane.
import type { LatencyRecorder } from './latency.ts'

/** Runs until the deadline (on the performance.now() scale), lets the last operations end, returns how many there were. */
export type Loop = (deadlineMs: number, latency: LatencyRecorder) => Promise<number>

export type Done<T> = (error: Error | null, value: T) => void

/** `start` must return the API's own promise: one more async function around it would cost what is to be measured. */
export function promiseLoop<T>(
  lanes: number,
  start: (lane: number) => Promise<T>,
  finish: (result: T, lane: number) => number,
): Loop {
  return async (deadlineMs, latency) => {
    let operations = 0
    const runLane = async (lane: number): Promise<void> => {
      let startedMs = performance.now()
      while (startedMs < deadlineMs) {
        const result = await start(lane)
        operations += finish(result, lane)
        const endedMs = performance.now()
        latency.record(endedMs - startedMs)
        startedMs = endedMs
      }
    }
    await Promise.all(Array.from({ length: lanes }, (_, lane) => runLane(lane)))
    return operations
  }
}

export function callbackLoop<T>(
  lanes: number,
  start: (lane: number, done: Done<T>) => void,
  finish: (value: T, lane: number) => number,
): Loop {
  return (deadlineMs, latency) =>
    new Promise((resolve, reject) => {
      let operations = 0
      let liveLanes = lanes
      const runLane = (lane: number): void => {
        let startedMs = performance.now()
        const done: Done<T> = (error, value) => {
          if (error !== null) {
            reject(error)
            return
          }
          // A failed check throws out of this callback and ends the process: loud, and without a try on the hot path.
          operations += finish(value, lane)
          const endedMs = performance.now()
          latency.record(endedMs - startedMs)
          startedMs = endedMs
          if (endedMs < deadlineMs) start(lane, done)
          else if (--liveLanes === 0) resolve(operations)
        }
        start(lane, done)
      }
      for (let lane = 0; lane < lanes; lane++) runLane(lane)
    })
}

export function syncLoop(perform: () => number): Loop {
  return (deadlineMs, latency) => {
    let operations = 0
    let startedMs = performance.now()
    while (startedMs < deadlineMs) {
      operations += perform()
      const endedMs = performance.now()
      latency.record(endedMs - startedMs)
      startedMs = endedMs
    }
    return Promise.resolve(operations)
  }
}
