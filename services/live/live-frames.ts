// Builds the frames of the live page: what every ring is doing now. Made by Ringmaster.live() for whoever serves the page; asked by
// metrics/live-feed.ts some times a second while somebody looks, and never otherwise.
import { hostname, release } from 'node:os'
import { binding } from '../../native/binding.ts'
import {
  bucketsMax,
  jobsMax,
  liveVersion,
  ringsDetailedMax,
  ringsMax,
  windowEntriesMax,
  type LiveAbout,
  type LiveFrame,
  type LiveJob,
  type LiveJobs,
  type LiveSource,
} from '../../metrics/live-protocol.ts'
import type { RingMetrics } from '../../metrics/ring-metrics.ts'
import type { RingHandle } from '../../workers/ring-handle.ts'
import { advise, type Advice } from '../advice.ts'
import type { ArenaStats } from '../arena.ts'
import type { Attachment } from '../clients/attachment.ts'
import { sourceOf } from '../clients/client-stats.ts'
import { providedBuffersOf } from '../raw/provided-buffers.ts'
import type { RingWords } from './queue-windows.ts'
import { RingPicture, timesOnce, type PicturedRing } from './ring-picture.ts'

/** What frames are built of. Asked anew for each. */
export interface LiveRings {
  readonly handles: readonly RingHandle[]
  readonly adviceOf: (ring: number) => Advice
  readonly clients: () => readonly Attachment[]
  readonly arenas: () => readonly ArenaStats[]
  readonly about: Omit<LiveAbout, 'liveVersion' | 'node' | 'kernel' | 'host' | 'pid' | 'startedMs'>
}

/**
 * The kernel is asked about a ring in one frame of five, and about four rings in a frame at most: fdinfo takes some 50 µs and the ring's lock,
 * and what it says is looked at over ten seconds.
 */
const framesPerAnswer = 5
const askedPerFrame = 4

export class LiveFrames implements LiveSource {
  /** More rows for the section "Jobs": planes add theirs. */
  readonly jobs: Set<LiveJobs> = new Set()
  private readonly rings: LiveRings
  private readonly clientTid = binding().threadId()
  private readonly pictures = new Map<RingMetrics, RingPicture>()
  private readonly clientWords = new WeakMap<object, RingWords>()
  private sequence = 0
  private lastMs = -1

  constructor(rings: LiveRings) {
    this.rings = rings
  }

  about(): LiveAbout {
    const startedMs = performance.timeOrigin
    const facts = { host: hostname(), pid: process.pid, startedMs, node: process.version, kernel: release() }
    return { liveVersion, ...facts, ...this.rings.about }
  }

  frame(): LiveFrame {
    const nowMs = performance.now()
    const spanMs = this.lastMs < 0 ? 0 : nowMs - this.lastMs
    this.lastMs = nowMs
    const all = [...this.own(), ...this.attached()]
    const shown = all.slice(0, ringsMax)
    const budget = { left: bucketsMax, histogramsLeftOut: 0 }
    const threadTimes = timesOnce()
    const known = new Set<RingMetrics>()
    const rings = shown.map((ring, index) => {
      const { metrics } = ring.source
      known.add(metrics)
      let picture = this.pictures.get(metrics)
      if (picture === undefined) this.pictures.set(metrics, (picture = new RingPicture(metrics)))
      return picture.draw(ring, {
        budget,
        windowMax: index < ringsDetailedMax ? windowEntriesMax : 0,
        asksKernel: this.isTurnOf(index, shown.length),
        threadTimes,
      })
    })
    for (const metrics of this.pictures.keys()) if (!known.has(metrics)) this.pictures.delete(metrics)
    this.sequence++
    return {
      sequence: this.sequence,
      atMs: Date.now(),
      spanMs,
      rings,
      ringsLeftOut: all.length - shown.length,
      histogramsLeftOut: budget.histogramsLeftOut,
      arenas: this.rings.arenas().slice(0, jobsMax),
      jobs: this.listJobs(),
    }
  }

  rest(): void {
    this.pictures.clear()
    this.lastMs = -1
  }

  private isTurnOf(index: number, count: number): boolean {
    const turns = Math.max(framesPerAnswer, Math.ceil(count / askedPerFrame))
    return index % turns === this.sequence % turns
  }

  private own(): PicturedRing[] {
    return this.rings.handles.map((handle, index) => ({
      source: handle,
      client: 0,
      clientTid: this.clientTid,
      inFlightMax: handle.client.inFlightMax,
      backlogMax: handle.client.backlogMax,
      advice: this.rings.adviceOf(index),
      words: { geometry: handle.geometry, words: handle.client.ring.words, sqes: handle.client.ring.sqes },
      slots: handle.client.slots,
      groups: providedBuffersOf(handle),
    }))
  }

  private attached(): PicturedRing[] {
    return this.rings.clients().flatMap((attachment) => {
      const { ring } = attachment
      if (ring === null) return []
      const source = this.sourceOfClient(attachment)
      return [
        {
          source,
          client: attachment.client,
          clientTid: attachment.threadId,
          inFlightMax: ring.inFlightMax,
          backlogMax: ring.backlogMax,
          advice: advise(source.client.poller, []),
          words: this.wordsOfClient(ring),
          slots: null,
          groups: [],
        },
      ]
    })
  }

  // One RingMetrics for a client's ring, however many frames: what was last seen is kept with it.
  private readonly clientSources = new WeakMap<object, RingMetrics>()

  private sourceOfClient(attachment: Attachment): PicturedRing['source'] {
    const ring = attachment.ring!
    const source = sourceOf(attachment, ring, this.clientSources.get(ring))
    this.clientSources.set(ring, source.metrics)
    return source
  }

  /** Mapped memory is not shared with this thread. */
  private wordsOfClient(ring: NonNullable<Attachment['ring']>): RingWords | null {
    const { memory, place, opened } = ring
    const { geometry } = opened
    if (geometry.kind !== 'user') return null
    let words = this.clientWords.get(ring)
    if (words === undefined) {
      words = {
        geometry,
        words: new Int32Array(memory, place.ringOffsetBytes, place.ringSizeBytes >> 2),
        sqes: new Int32Array(memory, place.sqesOffsetBytes, geometry.sqEntries << 4),
      }
      this.clientWords.set(ring, words)
    }
    return words
  }

  private listJobs(): LiveJob[] {
    const found: LiveJob[] = []
    for (const list of this.jobs) {
      try {
        found.push(...list())
      } catch {
        // A plane that cannot say what it does is no reason to show nothing of the others.
      }
    }
    return found.slice(0, jobsMax)
  }
}
