// One simulated run: users, client, kernel and clock, interleaved as a seed says, down to single accesses to shared memory.
// Ends when everybody is done or nothing can happen any more; then everything must have been given back. Used by the tests.
import { ClientCounter } from '../../metrics/ring-metrics.ts'
import { op } from '../../services/raw/index.ts'
import { conservationFaults } from '../services/conservation.ts'
import { Violation } from './memory.ts'
import { Random } from './random.ts'
import { makeStand } from './stand.ts'
import type { Stand } from './stand.ts'
import { VirtualTime, replace, settleMicrotasks } from './virtual-time.ts'
import { chainActs, wholeFileActs } from './workload/chains.ts'
import { messageActs } from './workload/messages.ts'
import type { Act, Play } from './workload/play.ts'
import { cancelActs, drainActs, requestActs } from './workload/requests.ts'
import { streamActs } from './workload/streams.ts'

const always: readonly Act[] = [...requestActs, ...chainActs, ...messageActs]
const stepsMax = 150_000

/**
 * Carries out the run of `seed`. Resolves with what it came to: the same for the same seed. `watch` looks at the stand before it begins, and
 * what it returns at the end.
 * @throws (rejects) Violation, or whatever the code under test threw where it must not
 */
export async function runSeed(seed: number, watch?: (stand: Stand) => () => void): Promise<string> {
  const random = new Random(seed)
  const time = new VirtualTime()
  const undo = [time.install()]
  try {
    const stand = makeStand(random, time)
    undo.push(stand.undo)
    const look = watch?.(stand)
    const run = new Run(random, time, stand)
    undo.push(run.interleave())
    const outcome = await run.toTheEnd()
    look?.()
    return outcome
  } finally {
    for (const step of undo.reverse()) step()
  }
}

class Run {
  private readonly random: Random
  private readonly time: VirtualTime
  private readonly stand: Stand
  private readonly play: Play
  private readonly weights: Record<'turn' | 'signal' | 'kernel' | 'wake' | 'act', number>
  private actsLeft: number
  private unsettled = 0
  private failure: Error | null = null
  private sleepers: (() => void)[] = []
  private inKernel = false
  private closing: Promise<boolean> | null = null
  private lostMessages = 0
  private drained: boolean | null = null
  private readonly acts: readonly Act[]
  private readonly endAtAct: number
  private readonly endsBy: 'close' | 'loss' | 'worker death' | 'nothing'

  constructor(random: Random, time: VirtualTime, stand: Stand) {
    this.random = random
    this.time = time
    this.stand = stand
    const weight = (): number => random.pick([1, 3, 10])
    this.weights = { turn: weight(), signal: weight(), kernel: weight() * 2, wake: weight(), act: weight() }
    this.acts = [
      ...always,
      ...(stand.cutsChains ? [] : wholeFileActs),
      ...random.pick([drainActs, [...streamActs, ...cancelActs], [...streamActs, ...streamActs]]),
    ]
    this.actsLeft = 3 + random.below(25)
    this.endAtAct = random.below(this.actsLeft)
    this.endsBy = random.pick(['close', 'loss', 'worker death', 'nothing', 'nothing', 'nothing'])
    const { kernel, handle, barriers, raw } = stand
    let counted = 0
    this.play = {
      random,
      count: () => counted++,
      lostMessages: (count) => {
        this.lostMessages += count
      },
      kernel,
      world: kernel.world,
      handle,
      barriers,
      raw,
      ending: () => this.closing !== null || kernel.lost,
      pause: () =>
        new Promise((resolve) => {
          this.sleepers.push(resolve)
        }),
    }
  }

  /** Lets the kernel act whenever the client looks at shared memory or writes to it. Returns how to stop that. */
  interleave(): () => void {
    const rate = this.random.pick([0, 0.02, 0.2])
    const { load, store } = Atomics
    const step = (): void => {
      if (!this.inKernel && this.random.chance(rate)) this.kernelStep()
    }
    const undoLoad = replace(Atomics, 'load', (words: Int32Array, index: number) => {
      step()
      const value = load(words, index)
      step()
      return value
    })
    const undoStore = replace(Atomics, 'store', (words: Int32Array, index: number, value: number) => {
      step()
      store(words, index, value)
      step()
      return value
    })
    return () => {
      undoLoad()
      undoStore()
    }
  }

  private fail(error: unknown): void {
    this.failure ??= error instanceof Error ? error : new Error(String(error))
  }

  private kernelStep(): void {
    const { kernel, handle } = this.stand
    this.inKernel = true
    try {
      if (kernel.runnable) kernel.step()
    } catch (error) {
      // In the midst of the client's code: it must not swallow what the kernel found.
      this.fail(error)
    }
    this.inKernel = false
    const { client } = handle
    if (client.inFlight > handle.geometry.cqEntries) this.failure ??= new Violation(`${client.inFlight} in flight`)
  }

  async toTheEnd(): Promise<string> {
    let steps = 0
    for (; ; steps++) {
      await settleMicrotasks()
      if (this.stand.kernel.violation !== null) this.fail(this.stand.kernel.violation)
      if (this.failure !== null) throw this.failure
      if (steps > stepsMax)
        throw new Violation(`the run does not end: ${this.endsBy}, ${this.unsettled} users, ${this.describe()}`)
      if (!this.noticeLoss() && !this.step()) {
        if (this.unsettled === 0 && this.actsLeft === 0 && this.drained !== null) break
        this.endOrGiveUp()
      }
    }
    this.requireConserved()
    const { ledger } = this.stand.kernel
    return `${steps} steps, ${this.time.nowMs} ms, ${[...ledger].map(([key, results]) => `${key}=${results.join('+')}`).join(' ')}`
  }

  // A ring that is lost is found out by whoever enters it next: somebody asks it for something, or closes it.
  private noticeLoss(): boolean {
    if (!this.stand.kernel.lost || this.closing !== null || !this.random.chance(0.01)) return false
    if (this.random.chance(0.3)) this.close()
    else this.stand.raw.submit(op.nop()).catch(() => undefined)
    return true
  }

  // Everybody is done, or nobody can go on: close, once. After that whoever is not done never will be.
  private endOrGiveUp(): void {
    const { kernel } = this.stand
    if (this.closing !== null) {
      throw new Violation(
        `stuck: ${this.unsettled} of the users wait for ever, ${this.describe()}, close ${this.drained === null ? 'waits too' : 'is over'}`,
      )
    }
    if (this.unsettled > 0 && !kernel.lost)
      throw new Violation(`stuck: ${this.unsettled} of the users wait for ever, ${this.describe()}`)
    this.close()
  }

  private describe(): string {
    const { client } = this.stand.handle
    return `client ${client.state}, ${client.inFlight} in flight, load ${client.load}, ${client.slots.used} slots, ${this.sleepers.length} asleep, ${this.stand.kernel.describe()}`
  }

  /** One thing that can happen, by weight; false where nothing can. */
  private step(): boolean {
    const { random, time, weights } = this
    const { kernel } = this.stand
    const choices: [number, () => void][] = []
    if (time.turnsQueued)
      choices.push([
        weights.turn,
        () => {
          time.turn()
        },
      ])
    if (kernel.signals.length > 0)
      choices.push([
        weights.signal,
        () => {
          kernel.signals.shift()?.()
        },
      ])
    if (kernel.runnable)
      choices.push([
        weights.kernel,
        () => {
          this.kernelStep()
        },
      ])
    if (this.sleepers.length > 0)
      choices.push([
        weights.wake,
        () => {
          this.wakeSleeper()
        },
      ])
    if (this.actsLeft > 0)
      choices.push([
        weights.act,
        () => {
          this.startAct()
        },
      ])
    if (time.timersQueued && (choices.length === 0 || random.chance(0.02))) {
      time.nextTimer()
      return true
    }
    if (choices.length === 0) return false
    let left = random.below(choices.reduce((sum, [weight]) => sum + weight, 0))
    for (const [weight, happen] of choices) {
      left -= weight
      if (left >= 0) continue
      happen()
      break
    }
    return true
  }

  private wakeSleeper(): void {
    const [wake] = this.sleepers.splice(this.random.below(this.sleepers.length), 1)
    wake?.()
  }

  private startAct(): void {
    this.actsLeft--
    if (this.actsLeft === this.endAtAct) this.disturb()
    this.unsettled++
    const raw = this.random.pick(this.stand.raws)
    this.random
      .pick(this.acts)({ ...this.play, raw })
      .catch((error: unknown) => {
        this.fail(error)
      })
      .finally(() => {
        this.unsettled--
      })
  }

  private disturb(): void {
    const { kernel, handle } = this.stand
    if (this.endsBy === 'close') this.close()
    else if (this.endsBy === 'loss') kernel.lose()
    else if (this.endsBy === 'worker death' && handle.client.poller === 'worker') {
      kernel.poller.die()
      handle.workerLost(new Error('the worker thread died'))
    }
  }

  private close(): void {
    this.closing = this.stand.handle.close(this.random.pick([0, 20, 1000]), 10_000)
    this.closing.then(
      (drained) => {
        this.drained = drained
      },
      (error: unknown) => {
        this.fail(error)
      },
    )
  }

  /** What must hold when all is over. */
  private requireConserved(): void {
    const { kernel, handle } = this.stand
    const { client } = handle
    const faults = kernel.lost ? [] : conservationFaults(handle)
    if (client.slots.used !== 0 || client.inFlight !== 0) faults.push('slots or requests are left')
    if (faults.length > 0) throw new Violation(`after the end: ${faults.join(', ')}`)
    if (kernel.holds !== 0 || kernel.watchers !== 0)
      throw new Violation(`${kernel.holds} holds and ${kernel.watchers} watchers are left`)
    if (kernel.lost || this.drained !== true) return
    if (kernel.live.size > 0) throw new Violation(`drained, and the kernel still has ${kernel.live.size} requests`)
    if (kernel.memory.ownedCount > 0) throw new Violation('drained, and the kernel still owns memory')
    const stale = handle.metrics.client[ClientCounter.staleCompletions]!
    if (stale > kernel.duplicates + this.lostMessages)
      throw new Violation(
        `${stale} stale completions, ${kernel.duplicates} were sent, ${this.lostMessages} messages came too late`,
      )
    kernel.world.expectNoneOpen('channel')
  }
}
