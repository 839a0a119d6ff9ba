// Watches how the threads of the rings spend their time, and tells when another poller would suit the load better. One per Ringmaster;
// its timer keeps nothing alive, looks at a ring only when it did something, and does not exist where nothing polls.
import { readSqThread } from '../native/fdinfo.ts'
import { readThreadTimes } from '../native/schedstat.ts'
import { ClientCounter } from '../metrics/ring-metrics.ts'
import { Poller, polls } from '../workers/poller-kind.ts'
import type { RingHandle } from '../workers/ring-handle.ts'
import { advise } from './advice.ts'
import type { Advice, LoadSample, RingAdvice } from './advice.ts'

/** A ring as the advisor sees it. */
export interface WatchedRing {
  readonly ring: number
  poller(): Poller
  /** Grows with every batch: whether there was anything to do. */
  published(): number
  /** Reads /proc; some ten microseconds. */
  read(): Omit<LoadSample, 'atMs'>
}

export interface AdvisorOptions {
  /** Time between two looks; 0: never look. */
  readonly intervalMs: number
  readonly onAdvice?: ((advice: RingAdvice) => void) | undefined
  /** Moves a ring as advised; resolves with null, or with why it stays. */
  readonly adapt?: ((ring: number, advice: Advice) => Promise<string | null>) | undefined
  readonly now?: () => number
}

/** Looks that one judgement spans: with the default interval of 10 s a minute. */
export const intervalsJudged = 6

interface Watch {
  readonly ring: WatchedRing
  samples: LoadSample[]
  poller: Poller
  published: number
  /** Nothing was published and no poller ran between the last two looks. */
  still: boolean
  advice: Advice
  /** It is being moved. */
  moving: boolean
}

const withoutAdapt = 'the option adapt is off'

export class Advisor {
  private readonly watches: readonly Watch[]
  private readonly onAdvice: ((advice: RingAdvice) => void) | undefined
  private readonly adapt: AdvisorOptions['adapt']
  private closed = false
  private readonly now: () => number
  private readonly timer: NodeJS.Timeout | undefined

  constructor(rings: readonly WatchedRing[], options: AdvisorOptions) {
    this.onAdvice = options.onAdvice
    this.adapt = options.adapt
    this.now = options.now ?? ((): number => performance.now())
    this.watches = rings.map((ring) => {
      const poller = ring.poller()
      return { ring, samples: [], poller, published: -1, still: false, advice: advise(poller, []), moving: false }
    })
    if (options.intervalMs === 0 || !this.watches.some(({ poller }) => polls(poller))) return
    this.look()
    this.timer = setInterval(() => {
      this.look()
    }, options.intervalMs)
    this.timer.unref()
  }

  /** Takes a sample of every ring and tells what is new. Called by the timer. */
  look(): void {
    for (const watch of this.watches) {
      if (watch.moving) continue
      const { ring } = watch
      const poller = ring.poller()
      if (poller !== watch.poller) {
        // The worker is gone and the client has taken over: what was sampled was another poller's.
        watch.poller = poller
        watch.samples = []
      }
      this.sample(watch)
      const complete = watch.samples.length > intervalsJudged
      const advice = advise(poller, complete ? watch.samples : [])
      const news = advice.cause !== watch.advice.cause
      watch.advice = advice
      if (advice.cause === 'none') {
        if (news) this.onAdvice?.({ ring: ring.ring, present: poller, ...advice, moved: false, stays: null })
      } else if (this.adapt === undefined) {
        if (news) this.onAdvice?.({ ring: ring.ring, present: poller, ...advice, moved: false, stays: withoutAdapt })
      } else void this.move(watch, this.adapt, poller, news)
    }
  }

  // As long as the advice stands it is tried at every look, and told when it is new and when it was followed.
  private async move(
    watch: Watch,
    adapt: NonNullable<AdvisorOptions['adapt']>,
    present: Poller,
    news: boolean,
  ): Promise<void> {
    const { ring, advice } = watch
    watch.moving = true
    const stays = await adapt(ring.ring, advice)
    watch.moving = false
    const moved = stays === null
    if (this.closed || !(news || moved)) return
    // In a turn of its own: a listener that throws is an uncaught exception here, too, and no promise of ours that is rejected.
    queueMicrotask(() => this.onAdvice?.({ ring: ring.ring, present, ...advice, moved, stays }))
  }

  private sample(watch: Watch): void {
    const { ring, samples } = watch
    const atMs = this.now()
    const published = ring.published()
    const last = samples.at(-1)
    const idle = published === watch.published
    // An idle ring costs one comparison; it is read again as soon as something was published.
    const sample = idle && watch.still && last !== undefined ? { ...last, atMs } : { ...ring.read(), atMs }
    watch.still = idle && sample.poller?.runNs === last?.poller?.runNs
    watch.published = published
    samples.push(sample)
    if (samples.length > intervalsJudged + 1) samples.shift()
  }

  /** What the last look gave for the `index`th ring. */
  adviceOf(index: number): Advice {
    return this.watches[index]!.advice
  }

  /** How its threads stand now, for metrics. */
  timesOf(index: number): Omit<LoadSample, 'atMs'> {
    return this.watches[index]!.ring.read()
  }

  close(): void {
    this.closed = true
    clearInterval(this.timer)
  }
}

/** An open ring as the advisor sees it; `current` is it, or what has taken its place; `clientTid` is the thread that uses it. */
export function watchedRing(ring: number, current: () => RingHandle, clientTid: number): WatchedRing {
  return {
    ring,
    poller: () => current().client.poller,
    published: () => current().metrics.client[ClientCounter.publishedBatches]!,
    read: () => {
      const handle = current()
      const { client, geometry } = handle
      const sqThread = client.poller === Poller.kernel ? readSqThread(geometry.ringFd) : null
      const pollerTid = sqThread?.tid ?? (client.poller === Poller.worker ? handle.workerThreadId : 0)
      return {
        sqThread: sqThread !== null && sqThread.totalNs > 0 ? sqThread : null,
        client: readThreadTimes(clientTid),
        poller: pollerTid > 0 ? readThreadTimes(pollerTid) : null,
      }
    },
  }
}
