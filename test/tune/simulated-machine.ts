// A machine that exists on paper: what a layout comes to there is a formula, so the best layout is known by trying all of them, and what disturbs a
// measurement is added by a seed. It is no copy of a real one; it has what makes a search hard: threads that spin for CPUs that others need,
// devices that saturate, p99 that grows with depth, knobs that only gain together. Used by the tests of the search.
import { LayoutImpossibleError } from '../../services/tune/types.ts'
import type { Layout, NoiseReading, Sample, Subject, WorkloadName } from '../../services/tune/types.ts'
import type { TunedMachine } from '../../services/tune/knobs.ts'
import { randomFrom } from '../../services/tune/random.ts'

export interface MachineModel {
  readonly name: string
  readonly cpus: number
  readonly quotaCpus?: number
  readonly nodes?: number
  readonly storage: TunedMachine['storage']
  /** What the device can do, whoever asks. */
  readonly deviceIops: number
  /** How long it takes for one request. */
  readonly deviceNs: number
  readonly deviceBytesPerSecond: number
  /** Why SQ threads are not allowed. */
  readonly sqThreadsDenied?: string
}

/** What a leg would show if nothing disturbed it. */
export interface Truth {
  readonly operationsPerSecond: number
  readonly bytesPerSecond: number
  readonly p50Ns: number
  readonly p99Ns: number
  readonly cpuNsPerOperation: number
}

/** Costs in ns, of the order of what is measured on small virtual machines. */
const cost = { client: 600, promise: 900, kernel: 800, enter: 500, systemCall: 5000, wake: 20_000 }
const threadPoolThreads = 4

/** Several limits at once: a little below the lowest of them. */
const lowestOf = (limits: readonly number[]): number => {
  let sum = 0
  for (const limit of limits) sum += limit ** -8
  return sum ** (-1 / 8)
}

export function truth(machine: MachineModel, workload: WorkloadName, layout: Layout): Truth {
  const cpus = Math.min(machine.cpus, machine.quotaCpus ?? Infinity)
  const { poller, rings, clients, depth, batch } = layout
  const blockBytes = workload === 'sequential-read' ? (layout.blockBytes ?? 131_072) : 4096
  const copying = 0.05 * blockBytes * (layout.buffers === 'registered' ? 0.96 : 1)
  const pinned = layout.sqThreadCpu === null ? 1 : layout.sqThreadCpu < machine.cpus / (machine.nodes ?? 1) ? 0.98 : 1.1
  const kernelNs = (cost.kernel + copying - (layout.files === 'direct' ? 40 : 0)) * (poller === 'kernel' ? pinned : 1)
  const callNs = cost.enter / Math.max(1, Math.min(16, Math.max(batch, depth / clients / 4)))
  const sleepNs = layout.spinNs === 0 ? 400 / Math.sqrt(depth / clients) : layout.spinNs === null ? 0 : 20
  const clientNs = cost.client + cost.promise / batch + sleepNs + (poller === 'caller' ? kernelNs + callNs : 0)

  const spinners = poller === 'kernel' ? (layout.sqThreads === 'shared' ? 1 : rings) : poller === 'worker' ? rings : 0
  const helpers = poller === 'threadpool' ? threadPoolThreads : spinners
  const helperNs =
    poller === 'threadpool' ? cost.systemCall + kernelNs : poller === 'worker' ? kernelNs + callNs + 60 : kernelNs
  const crowd = Math.max(1, (spinners + clients) / cpus)
  const share = crowd ** -2.5
  const serviceNs = machine.deviceNs + clientNs + (helpers > 0 ? helperNs : 0) + (spinners > 0 ? 150 : 0)
  const perCpuNs = clientNs + (poller === 'threadpool' ? helperNs : 0)
  const waitingNs = serviceNs + (batch - 1) * clientNs + (crowd > 1 ? 50_000 * crowd : 0)
  const isAsleep = (rate: number): boolean => poller === 'kernel' && 1e3 / rate > layout.sqThreadIdleMs
  const syncs = Math.min(layout.ioWorkersMax ?? 8, depth)
  const deviceIops = workload === 'durable-append' ? (machine.deviceIops / 4) * (1 - 0.8 ** syncs) : machine.deviceIops
  const limit = lowestOf([
    (clients * share * 1e9) / clientNs,
    ...(helpers > 0 ? [(helpers * share * 1e9) / helperNs] : []),
    (cpus * 1e9) / perCpuNs,
    deviceIops,
    machine.deviceBytesPerSecond / blockBytes,
    (depth * 1e9) / waitingNs,
  ])
  const threads = helpers + clients
  const contended = 1 + 0.01 * (threads - 1) + 0.0004 * threads * (threads - 1)
  const rate = limit / contended / (isAsleep(limit) ? 1 + cost.wake / serviceNs : 1)
  const p50Ns = Math.max(waitingNs, (depth * 1e9) / rate)
  const burnt =
    spinners === 0 || isAsleep(rate) ? (helpers > 0 ? helperNs : 0) : (Math.min(spinners, cpus) * 1e9) / rate
  const halfBurnt = poller === 'worker' ? Math.max(helperNs, burnt * 0.6) : burnt
  const looking = layout.spinNs !== null && layout.spinNs > 100_000 ? (0.2 * clients * 1e9) / rate : 0
  return {
    operationsPerSecond: rate,
    bytesPerSecond: rate * blockBytes,
    p50Ns,
    p99Ns: p50Ns * (1.6 + 0.4 * Math.min(1, rate / deviceIops)) + (crowd > 1 ? 2e6 * (crowd - 1) : 0),
    cpuNsPerOperation: clientNs + halfBurnt + looking,
  }
}

/** What the knobs are told of it. */
export function facts({ cpus, quotaCpus = Infinity, nodes = 1, storage }: MachineModel): TunedMachine {
  const all = Array.from({ length: cpus }, (_, cpu) => cpu)
  const perNode = Math.ceil(cpus / nodes)
  return {
    affinity: all,
    pinnable: all,
    cores: all.map((cpu) => [cpu]),
    nodes: Array.from({ length: nodes }, (_, node) => all.slice(node * perNode, (node + 1) * perNode)),
    quotaCpus,
    effectiveCpus: Math.min(cpus, quotaCpus),
    clientCpu: 0,
    storage,
  }
}

/** What makes legs differ from the truth. */
export interface Disturbance {
  /** Of each leg by itself: deviation of the logarithm. */
  readonly deviation: number
  /** The machine gets slower and faster: by how much, and over how many seconds. */
  readonly drift: { readonly share: number; readonly seconds: number }
  /** Somebody comes for a moment and takes much: how often, for how long, how much. */
  readonly bursts: { readonly everySeconds: number; readonly seconds: number; readonly share: number }
  /** CPU time that others take all the time, as the readings show it. */
  readonly otherShare: number
}

export const quiet: Disturbance = {
  deviation: 0,
  drift: { share: 0, seconds: 1 },
  bursts: { everySeconds: Infinity, seconds: 0, share: 0 },
  otherShare: 0,
}

/** A shared virtual machine on an ordinary day. */
export const ordinary: Disturbance = {
  deviation: 0.025,
  drift: { share: 0.15, seconds: 90 },
  bursts: { everySeconds: 25, seconds: 1.5, share: 0.4 },
  otherShare: 0.01,
}

/** What a fresh process (0.4 s) and its two warm-ups take beside the windows. */
export const overheadSeconds = 0.9

/** A machine to measure. Its time is its own: `now()` says how much of it has passed. */
export class SimulatedMachine implements Subject {
  readonly measured: Layout[] = []
  readonly #model: MachineModel
  readonly #workload: WorkloadName
  readonly #disturbance: Disturbance
  readonly #random: () => number
  #seconds = 0
  #burstAtSeconds = 0

  constructor(model: MachineModel, workload: WorkloadName, disturbance: Disturbance, seed: number) {
    this.#model = model
    this.#workload = workload
    this.#disturbance = disturbance
    this.#random = randomFrom(seed)
    this.#burstAtSeconds = this.#untilBurst()
  }

  readonly now = (): number => this.#seconds

  measure(layout: Layout, seconds: number, signal?: AbortSignal): Promise<Sample> {
    if (signal?.aborted === true) return Promise.reject(signal.reason as Error)
    const { sqThreadsDenied } = this.#model
    if (layout.poller === 'kernel' && sqThreadsDenied !== undefined) {
      this.#seconds += overheadSeconds
      return Promise.reject(new LayoutImpossibleError(sqThreadsDenied))
    }
    this.measured.push(layout)
    const disturbed = this.#disturb(seconds)
    const found = truth(this.#model, this.#workload, layout)
    const { deviation } = this.#disturbance
    const rate = found.operationsPerSecond * disturbed.factor
    const noise: NoiseReading = {
      stealShare: 0,
      otherShare: disturbed.otherShare,
      cpuPressureShare: 0,
      ioPressureShare: 0,
      throttledShare: 0,
    }
    return Promise.resolve({
      seconds,
      operations: Math.ceil(rate * seconds),
      operationsPerSecond: rate,
      bytesPerSecond: found.bytesPerSecond * disturbed.factor,
      p50Ns: found.p50Ns / disturbed.factor,
      p99Ns: (found.p99Ns / disturbed.factor) * Math.exp(3 * deviation * this.#normal()),
      cpuNsPerOperation: found.cpuNsPerOperation * Math.exp(deviation * this.#normal()),
      noise,
    })
  }

  #disturb(legSeconds: number): { factor: number; otherShare: number } {
    const { deviation, drift, bursts, otherShare } = this.#disturbance
    const from = this.#seconds
    this.#seconds += overheadSeconds + legSeconds
    const wave = 1 + drift.share * Math.sin((2 * Math.PI * from) / drift.seconds)
    const isHit = this.#seconds > this.#burstAtSeconds && from < this.#burstAtSeconds + bursts.seconds
    if (this.#seconds > this.#burstAtSeconds + bursts.seconds) this.#burstAtSeconds = this.#seconds + this.#untilBurst()
    const factor = wave * Math.exp(deviation * this.#normal()) * (isHit ? 1 - bursts.share : 1)
    return { factor, otherShare: otherShare + (isHit ? bursts.share : 0) }
  }

  #untilBurst(): number {
    const { everySeconds } = this.#disturbance.bursts
    return everySeconds === Infinity ? Infinity : -Math.log(1 - this.#random()) * everySeconds
  }

  /** Standard normal (Box and Muller). */
  #normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.#random())) * Math.cos(2 * Math.PI * this.#random())
  }
}
