// Memory for the rings of clients. One shared memory for all of them where it holds them (each reserves about 10 GB of address space),
// made when the first client comes. Used by Clients.
import { placeRings } from '../../native/layout.ts'
import type { PlaceSizes, RingPlace } from '../../native/layout.ts'
import { ringErrors } from '../../native/errors.ts'
import { allocateSharedMemory, sharedMemoryBytesMax } from '../../native/shared-memory.ts'

export interface ClientPlace {
  readonly memory: SharedArrayBuffer
  readonly place: RingPlace
}

/** More places than clients: the kernel lets go of a closed ring's memory a moment later, so a place rests before it is used again. */
const spares = 2
/** What cannot be used again is made up for, so often. */
const memoriesMax = 4

export class ClientPlaces {
  private readonly clientsMax: number
  private readonly sizes: PlaceSizes
  private readonly free: ClientPlace[] = []
  private readonly used = new WeakSet<ClientPlace>()
  private memories = 0

  constructor(clientsMax: number, sizes: PlaceSizes) {
    this.clientsMax = clientsMax
    this.sizes = sizes
  }

  /** The place that has rested longest, zeroed. @throws ERR_RING_CLIENTS_FULL; RangeError where there is no address space */
  take(): ClientPlace {
    if (this.free.length === 0) this.allocate()
    const spot = this.free.shift()!
    if (this.used.has(spot)) this.clear(spot)
    this.used.add(spot)
    return spot
  }

  /** Its ring is closed, and nothing of it was in flight. */
  giveBack(spot: ClientPlace): void {
    this.free.push(spot)
  }

  private allocate(): void {
    if (this.memories === memoriesMax) throw ringErrors.clientsFull(this.clientsMax)
    const { sizeBytes: eachBytes } = placeRings(1, this.sizes)
    const count = Math.max(1, Math.min(this.clientsMax + spares, Math.floor(sharedMemoryBytesMax / eachBytes)))
    const { places, sizeBytes } = placeRings(count, this.sizes)
    const memory = allocateSharedMemory(sizeBytes)
    this.memories++
    for (const place of places) this.free.push({ memory, place })
  }

  // What the kernel and the metrics expect to find zeroed; the control block is cleared when it is prepared.
  private clear({ memory, place }: ClientPlace): void {
    const zero = (offsetBytes: number, sizeBytes: number): void => {
      new Uint8Array(memory, offsetBytes, sizeBytes).fill(0)
    }
    zero(place.ringOffsetBytes, place.ringSizeBytes)
    zero(place.sqesOffsetBytes, place.sqesSizeBytes)
    zero(place.metricsOffsetBytes, this.sizes.metricsSizeBytes)
  }
}
