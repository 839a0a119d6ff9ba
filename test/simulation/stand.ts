// What a simulated run works with: the real RingHandle, RingClient and RawRing on ring memory whose other end is the simulated
// kernel. Made by run.ts.
import { Feature, Op } from '../../native/abi.ts'
import { substituteBinding } from '../../native/binding.ts'
import { placeRings } from '../../native/layout.ts'
import type { RingGeometry } from '../../native/ring-geometry.ts'
import { ringMetricsSizeBytes } from '../../metrics/ring-metrics.ts'
import { Coordinator } from '../../services/coordinator.ts'
import { RawRing } from '../../services/raw/raw-ring.ts'
import { RingView } from '../../services/view.ts'
import { RingHandle, leaseSizeBytes, prepareControl } from '../../workers/ring-handle.ts'
import { reservedSlots, slotsOf } from '../../workers/submission.ts'
import { expectStale } from '../services/conservation.ts'
import { SimulatedKernel, simulatedFds } from './kernel.ts'
import { Violation } from './memory.ts'
import { nameOf } from './model.ts'
import type { Faults, Request } from './model.ts'
import type { Random } from './random.ts'
import { RingModel } from './ring-model.ts'
import type { VirtualTime } from './virtual-time.ts'

const cqEntries = 128
const submitted = 3
export interface Stand {
  readonly kernel: SimulatedKernel
  readonly handle: RingHandle
  /** Which requests are barriers, by nameOf(). */
  readonly barriers: Set<string>
  readonly raw: RawRing
  /** The same, and the ring as views of both classes see it, in two runs of three. */
  readonly raws: readonly RawRing[]
  /** Chains are cut: what relies on their order has no place here. */
  readonly cutsChains: boolean
  /** Puts the real addon back. */
  readonly undo: () => void
}

function drawFaults(random: Random): Faults {
  const often = (): number => random.pick([0, 0.05, 0.3])
  return {
    short: often(),
    failed: random.pick([0, 0.05, 0.2]),
    inline: random.pick([0, 0.3, 1]),
    endedAtShot: often(),
    enterRefused: often(),
    duplicate: random.pick([0, 0.02]),
    transit: random.pick([0, 0.2]),
    overflow: random.pick([0, 0, 0.05]),
  }
}

/** Where a ring of the simulation has its words; counters start just below where they wrap, in one run of two. */
function geometryOf(sqEntries: number): RingGeometry {
  return {
    kind: 'user',
    ringFd: simulatedFds.ring,
    setupFlags: 0,
    features: Feature.LINKED_FILE | Feature.NODROP | Feature.CQE_SKIP,
    sqEntries,
    cqEntries,
    sqHead: 0,
    sqTail: 16,
    cqHead: 32,
    cqTail: 48,
    sqFlags: 64,
    cqFlags: 80,
    cqOverflow: 81,
    cqes: 96,
  }
}

/** Who makes requests: the program itself, and in two runs of three views of it. */
function drawSources(random: Random, handle: RingHandle, raw: RawRing): RawRing[] {
  const coordinator = new Coordinator({ handles: [handle], onRenewed: new Set() })
  const views = Array.from({ length: random.pick([0, 1, 4]) }, () => {
    const priority = random.pick(['foreground', 'background'] as const)
    const inFlightMax = random.pick([1, 5, 1000])
    return new RingView(coordinator, [handle], { priority, inFlightMax, backlogMax: random.pick([4, 1000]) }).raw()
  })
  return [raw, ...views]
}

export function makeStand(random: Random, time: VirtualTime): Stand {
  const sqEntries = random.pick([4, 8, 64])
  const inFlightMax = random.pick([6, 20, cqEntries - reservedSlots])
  const backlogMax = random.pick([8, 40, 200])
  const directDescriptors = random.pick([1, 2, 6])
  const poller = random.pick(['kernel', 'worker', 'caller'] as const)
  const { places, sizeBytes } = placeRings(1, {
    sqEntries,
    cqEntries,
    slots: slotsOf(inFlightMax, backlogMax),
    leasesSizeBytes: directDescriptors * leaseSizeBytes,
    metricsSizeBytes: ringMetricsSizeBytes,
  })
  const memory = new SharedArrayBuffer(sizeBytes)
  const place = places[0]!
  const geometry = geometryOf(sqEntries)
  const words = new Int32Array(memory, place.ringOffsetBytes, place.ringSizeBytes >> 2)
  const first = random.pick([0, -3])
  for (const at of [geometry.sqHead, geometry.sqTail, geometry.cqHead, geometry.cqTail]) words[at] = first
  // Seldom: no ring here shares its SQ thread. Then chains are cut, at each possible step.
  const passMax = random.pick([Infinity, Infinity, Infinity, random.pick([1, 2, 3, 8])])
  // Looks at each entry as it is consumed: its slot must be in flight in this very life.
  let handle: RingHandle | undefined
  const barriers = new Set<string>()
  const onConsumed = (request: Request): void => {
    const { slot, generation, opcode } = request
    const slots = handle?.client.slots
    if (slots !== undefined && (slots.state[slot] !== submitted || slots.generation[slot] !== generation))
      throw new Violation(`an entry names slot ${slot}:${generation}, which is not in flight`)
    if (opcode === Op.ASYNC_CANCEL) return
    const barrier = barriers.has(nameOf(request))
    const others = [...kernel.live].filter((other) => other !== request && other.opcode !== Op.ASYNC_CANCEL)
    if (others.some((other) => barrier || barriers.has(nameOf(other))))
      throw new Violation('a barrier did not wait for what is in the ring, or was not waited for')
  }
  const kernel = new SimulatedKernel({
    random,
    time,
    ring: new RingModel(geometry, words, new Int32Array(memory, place.sqesOffsetBytes, sqEntries << 4)),
    poller,
    faults: drawFaults(random),
    passMax,
    onConsumed,
  })
  const undo = substituteBinding(kernel.binding())
  try {
    const hold = prepareControl(memory, place)
    const control = {
      call: () => Promise.reject(new Error('a simulation has no worker thread')),
      lost: () => undefined,
      close: () => undefined,
    }
    handle = new RingHandle(
      0,
      { started: { geometry, threadId: 2, directDescriptors, registeredBuffers: 0 }, control },
      {
        memory,
        place,
        poller,
        reason: 'simulated',
        inFlightMax,
        backlogMax,
        spinNs: random.pick([0, 20_000]),
        sqThreadShared: false,
        rawDescriptors: 64,
      },
    )
    kernel.binding().release(hold)
    expectStale(handle) // some completions are posted twice
    const raw = new RawRing(handle)
    return {
      kernel,
      handle,
      barriers,
      raw,
      raws: drawSources(random, handle, raw),
      cutsChains: passMax < Infinity,
      undo,
    }
  } catch (error) {
    undo()
    throw error
  }
}
