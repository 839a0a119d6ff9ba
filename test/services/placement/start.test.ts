// What start() makes of a placement, on this machine: pins as the scheduler shows them, reasons in stats and logs, refusals before
// anything is made, and rings that fit into what a poorer user may lock.
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { release } from 'node:os'
import { fileURLToPath } from 'node:url'
import { Registry } from 'prom-client'
import { describe, expect, it } from 'vitest'
import { readMachine } from '../../../services/machine/facts.ts'
import { parseCpuList } from '../../../services/machine/text.ts'
import type { RingmasterOptions } from '../../../services/options.ts'
import { Ringmaster } from '../../../services/ringmaster.ts'
import { parseExposition, sampleValue } from '../../metrics/exposition.ts'
import { descriptors, eventually, failure, steady, threads } from '../harness.ts'

const { online, pinnable } = readMachine()
const last = pinnable.at(-1)!

/** Where a thread of this process may run, as the kernel says. */
const cpusOf = (tid: number): number[] =>
  parseCpuList(/^Cpus_allowed_list:\s*(.*)$/m.exec(readFileSync(`/proc/self/task/${tid}/status`, 'latin1'))![1]!)

const choice = (rings: Ringmaster, name: string): { value: unknown; reason: string } =>
  rings.stats().placement.choices.find((each) => each.name === name)!

describe('pins', () => {
  it.each<[string, RingmasterOptions, number[]]>([
    ['sqThreadCpu is where both SQ threads run', { sqThreadCpu: last }, [last, last]],
    ['pinCpus go round', { pinCpus: [last, pinnable[0]!] }, [last, pinnable[0]!]],
    ['a single one is for all', { pinCpus: [last] }, [last, last]],
  ])('%s', async (_, options, expected) => {
    await using rings = await Ringmaster.start({ poller: 'kernel', rings: 2, ...options })
    await rings.nop()
    const tids = rings.stats().rings.map(({ sqThread }) => sqThread!.tid)
    expect(await eventually(() => tids.every((tid, ring) => cpusOf(tid).join() === String(expected[ring])))).toBe(true)
    expect(choice(rings, 'pinCpus')).toMatchObject({ reason: 'set by option' })
  })

  it('hold the ring workers where these poll', async () => {
    await using rings = await Ringmaster.start({ poller: 'worker', rings: 1, pinCpus: [last] })
    expect(cpusOf(rings.stats().rings[0]!.workerThreadId!)).toEqual([last])
    await rings.nop()
  })

  it('hold nobody else: this thread and idle ring workers run where they did', async () => {
    const before = cpusOf(process.pid)
    await using rings = await Ringmaster.start({ poller: 'kernel', rings: 1, pinCpus: [last] })
    expect(cpusOf(rings.stats().rings[0]!.workerThreadId!)).toEqual(before)
    expect(cpusOf(process.pid)).toEqual(before)
  })
})

describe('what was chosen', () => {
  it('is told with reasons, in stats, on a line and in metrics', async () => {
    await using rings = await Ringmaster.start()
    const { placement, effectiveCpus, rings: each } = rings.stats()
    const names = ['poller', 'rings', 'sqThreads', 'pinCpus', 'sqEntries', 'cqEntries', 'sqThreadIdleMs', 'spinNs']
    expect(placement.choices.map(({ name }) => name)).toEqual(names)
    expect(choice(rings, 'rings').value).toBe(each.length)
    expect(effectiveCpus).toBe(readMachine().effectiveCpus)
    for (const ring of each) {
      expect(ring).toMatchObject({ poller: choice(rings, 'poller').value, reason: choice(rings, 'poller').reason })
      expect(ring).toMatchObject({
        sqEntries: choice(rings, 'sqEntries').value,
        cqEntries: choice(rings, 'cqEntries').value,
      })
    }
    for (const { name, value, reason } of placement.choices)
      expect(placement.summary).toContain(`${name}=${value} (${reason})`)
    expect(placement.summary).not.toContain('\n')
    const registry = new Registry()
    rings.register(registry)
    const families = parseExposition(await registry.metrics())
    const { poller, memory } = each[0]!
    // In metrics the reason is one of a few words: texts would be series without end.
    const labels = { ring: '0', poller, reason: 'placement', memory }
    expect(sampleValue(families, 'ringmaster_ring_info', labels)).toBe(1)
  })

  it('has whole nanoseconds, the spin those of the wake-up cost', async () => {
    await using rings = await Ringmaster.start({ rings: 1 })
    const { wakeCostNs, spinNs } = rings.stats()
    for (const value of [wakeCostNs, spinNs]) expect(Number.isInteger(value)).toBe(true)
    expect(wakeCostNs).toBeGreaterThan(0)
    expect(choice(rings, 'spinNs')).toMatchObject({ value: spinNs, reason: /^a wake-up takes [\d.]+ µs here/ })
  })

  it('is a copy: changing it changes nothing', async () => {
    await using rings = await Ringmaster.start({ rings: 1 })
    const taken = rings.stats().placement.choices as unknown[]
    taken.length = 0
    expect(rings.stats().placement.choices).toHaveLength(8)
  })
})

describe('impossible settings', () => {
  it.each<[string, RingmasterOptions, RegExp]>([
    [
      'an SQ thread on a CPU that is not there',
      { sqThreadCpu: 8191 },
      /options\.sqThreadCpu' names a CPU that is not online/,
    ],
    [
      'a pin to a CPU that is not there',
      { pinCpus: [online.at(-1)! + 1] },
      /options\.pinCpus' names a CPU that is not online/,
    ],
    ['two pins', { sqThreadCpu: 0, pinCpus: [0] }, /set one/],
  ])('%s: refused, and nothing was made', async (_, options, message) => {
    await (await Ringmaster.start({ rings: 1 })).close()
    const before = await steady(() => ({ descriptors: descriptors(), threads: threads().length }))
    await expect(Ringmaster.start({ poller: 'kernel', rings: 1, ...options })).rejects.toThrow(message)
    expect(await failure(Ringmaster.start({ poller: 'kernel', rings: 1, ...options }))).toMatchObject({
      code: 'ERR_INVALID_ARG_VALUE',
    })
    expect({ descriptors: descriptors(), threads: threads().length }).toEqual(before)
  })
})

// Programs in processes of their own, with other limits.
const dist = fileURLToPath(new URL('../../../dist/services/index.js', import.meta.url))
const report = `
  import { execFileSync } from 'node:child_process'
  import { readdirSync } from 'node:fs'
  const { Ringmaster } = await import(${JSON.stringify(dist)})
  const [, options, descriptorsLeft] = process.argv
  if (descriptorsLeft !== undefined) {
    const limit = readdirSync('/proc/self/fd').length + Number(descriptorsLeft)
    execFileSync('prlimit', ['--pid', String(process.pid), '--nofile=' + limit + ':' + limit])
  }
  try {
    const rings = await Ringmaster.start(JSON.parse(options))
    await rings.nop()
    const { sqEntries, cqEntries, poller } = rings.stats().rings[0]
    console.log(JSON.stringify({ rings: rings.stats().rings.length, sqEntries, cqEntries, poller }))
    await rings.close()
  } catch ({ code, reason, message }) {
    console.log(JSON.stringify({ code, reason, message }))
  }`

function startUnder(
  command: readonly string[],
  options: RingmasterOptions,
  ...further: string[]
): Record<string, unknown> {
  const program = [process.execPath, '--input-type=module', '-e', report, JSON.stringify(options), ...further]
  const [file, ...args] = [...command, ...program]
  return JSON.parse(execFileSync(file!, args, { encoding: 'utf8' })) as Record<string, unknown>
}

/** A user without privileges who may lock so much. */
const poor = (memlockBytes: number): string[] => [
  ...['prlimit', `--memlock=${memlockBytes}:${memlockBytes}`],
  ...[
    'setpriv',
    '--reuid',
    '65534',
    '--regid',
    '65534',
    '--clear-groups',
    '--bounding-set=-ipc_lock',
    '--inh-caps=-all',
  ],
]

function mayBecomePoor(): boolean {
  try {
    execFileSync('prlimit', [...poor(65536).slice(1), 'test', '-r', dist], { stdio: 'ignore' })
    return true
  } catch {
    return false // not root, or the project lies where others may not look
  }
}

describe.skipIf(!existsSync(dist) || !mayBecomePoor())('a user who may lock little memory', () => {
  it('gets queues that fit, where the default would not', () => {
    const chosen = startUnder(poor(65536), {})
    expect(chosen).toMatchObject({ rings: 1, sqEntries: 128, cqEntries: 512 })
    // The kernel's own word that it was needed: it charges rings to the limit again from 6.14, and who asks for more gets what fits.
    const asked = startUnder(poor(65536), { sqEntries: 1024, rings: 1 })
    const [major, minor] = release().split('.').map(Number) as [number, number]
    const charges = major > 6 || (major === 6 && minor >= 14)
    expect(asked).toMatchObject({ rings: 1 })
    if (charges) expect([64, 128, 256, 512]).toContain(asked['sqEntries'])
    else expect(asked['sqEntries']).toBe(1024)
  })

  it('gets the default where there is room', () => {
    expect(startUnder(poor(8 << 20), {})).toMatchObject({ sqEntries: 1024, cqEntries: 4096 })
  })
})

describe('a process that may open few descriptors', () => {
  const withLeft = (descriptorsLeft: number, options: RingmasterOptions): Record<string, unknown> =>
    startUnder(['env'], options, String(descriptorsLeft))

  it('starts as many rings as it was told it can, and is refused one more', () => {
    const left = 2 * 7 + 6 // a worker thread opens a few files while it loads
    expect(withLeft(left, { rings: 3 })).toMatchObject({
      code: 'ERR_INVALID_ARG_VALUE',
      message: expect.stringMatching(/Ask for at most 2 rings, or raise ulimit -n/) as string,
    })
    expect(withLeft(left, { rings: 2 })).toMatchObject({ rings: 2 })
    expect(withLeft(left, {})).toMatchObject({ rings: 1 })
  })

  it('is told so where there is not room for one', () => {
    expect(withLeft(6, {})).toMatchObject({
      code: 'ERR_RING_UNAVAILABLE',
      reason: 'descriptors',
      message: expect.stringMatching(/raise ulimit -n/) as string,
    })
  })

  it.each([
    ['kernel', 7],
    ['worker', 7],
    ['caller', 7],
    ['threadpool', 8],
  ] as const)('counts what a ring really takes, poller %s', async (poller, each) => {
    const count = (): number => readdirSync('/proc/self/fd').length
    await (await Ringmaster.start({ rings: 1, poller })).close()
    const before = count()
    await using one = await Ringmaster.start({ rings: 3, poller })
    expect(count() - before).toBe(3 * each)
    await one.nop()
  })
})
