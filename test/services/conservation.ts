// What must hold for a ring at rest: slots, leases and places in the queues are conserved. Asserted whenever a test closes a
// ring (test/tooling/conservation.ts) and by the simulation at the end of each run.
import type { RingHandle } from '../../workers/ring-handle.ts'
import { fieldOf } from './harness.ts'

const withStale = new WeakSet<RingHandle>()

/** This ring gets completions of requests that are not its own: messages of other rings, lives that are over. */
export function expectStale(handle: RingHandle): void {
  withStale.add(handle)
}

export function staleExpected(handle: RingHandle): boolean {
  return withStale.has(handle)
}

/** What is missing or too much, in words; nothing where all is well. */
export function conservationFaults({ client, leases }: RingHandle): string[] {
  const faults: string[] = []
  if (client.slots.used !== 0) faults.push(`${client.slots.used} slots are taken`)
  if (!eachOnce(fieldOf(client.slots, 'freeSlots'), client.slots.size)) faults.push('a slot was freed twice')
  if (client.slots.owner.some((owner) => owner !== null)) faults.push('a free slot keeps its buffer')
  if (client.inFlight !== 0) faults.push(`${client.inFlight} requests are in flight`)
  if (client.load !== 0) faults.push(`a load of ${client.load}`)
  if (client.busy) faults.push('somebody waits, in the queue of a view or for a message')
  client.passBarriers()
  if (!client.eras.open) faults.push('a barrier is not over')
  if (leases !== null) {
    const back = fieldOf(leases, 'freeCount')
    if (back !== leases.count) faults.push(`${String(back)} of ${leases.count} leases are back`)
    if (!eachOnce(fieldOf(leases, 'freeList'), leases.count)) faults.push('a lease was released twice')
  }
  return faults
}

/** Whether a free list holds each number below `count` once. */
function eachOnce(list: unknown, count: number): boolean {
  if (!(list instanceof Int32Array) || list.length !== count) return false
  const seen = new Uint8Array(count)
  for (const entry of list) seen[entry]! += 1
  return seen.every((times) => times === 1)
}
