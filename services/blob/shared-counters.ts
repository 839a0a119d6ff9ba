// What an instance counts and holds, in memory that the starter reads at a scrape: numbers of HttpCounters, then levels. Used by resident.ts,
// which writes, and service.ts, which adds the instances up.
import { HttpCounters, counterNumbers } from '../http/http-counters.ts'
import type { HttpLevels, HttpReading } from '../http/http-plane.ts'

const levels = ['requestsInFlight', 'connectionsOpen', 'bodyBuffersInUse', 'bodyBufferWaiters'] as const
const numbersOfOne = counterNumbers + levels.length

export const sharedCounters = (instances: number): SharedArrayBuffer =>
  new SharedArrayBuffer(instances * numbersOfOne * Float64Array.BYTES_PER_ELEMENT)

const numbersOf = (memory: SharedArrayBuffer, instance: number): Float64Array =>
  new Float64Array(memory, instance * numbersOfOne * Float64Array.BYTES_PER_ELEMENT, numbersOfOne)

export const countersOf = (memory: SharedArrayBuffer, instance: number): HttpCounters =>
  new HttpCounters(numbersOf(memory, instance).subarray(0, counterNumbers))

/** Where an instance says what it holds just now. */
export function levelsOf(memory: SharedArrayBuffer, instance: number): (levels: HttpLevels) => void {
  const numbers = numbersOf(memory, instance).subarray(counterNumbers)
  return (now) => {
    for (let index = 0; index < levels.length; index++) numbers[index] = now[levels[index]!]
  }
}

/** An instance has ended: it holds nothing any more. What it has counted stays. */
export function clearLevels(memory: SharedArrayBuffer, instance: number): void {
  numbersOf(memory, instance).subarray(counterNumbers).fill(0)
}

/** Instances differ by so many connections, or by an eighth, before one leaves the next ones to the others. */
const aheadMin = 2
const connectionsAt = counterNumbers + levels.indexOf('connectionsOpen')

/** Asks whether an instance has clearly more connections than another one. */
export function aheadOf(memory: SharedArrayBuffer, instance: number): () => boolean {
  const numbers = new Float64Array(memory)
  return () => {
    let least = Infinity
    for (let at = connectionsAt; at < numbers.length; at += numbersOfOne) least = Math.min(least, numbers[at]!)
    return numbers[instance * numbersOfOne + connectionsAt]! > least + Math.max(aheadMin, least / 8)
  }
}

/** What `instances` have counted and hold, added up. */
export function readAll(memory: SharedArrayBuffer, instances: number): HttpReading {
  const counters = new HttpCounters()
  const held = levels.map(() => 0)
  for (let instance = 0; instance < instances; instance++) {
    counters.add(countersOf(memory, instance))
    const numbers = numbersOf(memory, instance).subarray(counterNumbers)
    levels.forEach((_, index) => (held[index]! += numbers[index]!))
  }
  const [requestsInFlight = 0, connectionsOpen = 0, bodyBuffersInUse = 0, bodyBufferWaiters = 0] = held
  return { counters, requestsInFlight, connectionsOpen, bodyBuffersInUse, bodyBufferWaiters }
}
