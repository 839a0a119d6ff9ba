// Ringmaster with each poller and ring memory: it starts, does what files and chains need, closes, and leaves nothing behind. Called by
// smoke.ts.
import { createHash } from 'node:crypto'
import * as fs from 'node:fs'
import { availableParallelism, release } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { Ringmaster } from '../../../services/index.ts'
import type { RingmasterOptions } from '../../../services/index.ts'
import { op } from '../../../services/raw/index.ts'
import { pattern } from './bench.ts'
import { check, codeOf, holds, isSince, same, wants } from './check.ts'
import { everyKind } from './operations.ts'

const sha256 = (data: Buffer): string => createHash('sha256').update(data).digest('hex')
const content = pattern(3_000_000, 11)

/** What each descriptor of this process is, and the names of its threads, sorted. */
export function holdings(): string[] {
  const links = fs.readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return [fs.readlinkSync(`/proc/self/fd/${fd}`).replace(/\d+/g, 'N')]
    } catch {
      return [] // the descriptor of readdir itself
    }
  })
  const threads = fs.readdirSync('/proc/self/task').flatMap((task) => {
    try {
      const name = fs.readFileSync(`/proc/self/task/${task}/comm`, 'latin1').trim()
      // A thread that submits keeps the kernel's workers for its next ring.
      return name.startsWith('iou-wrk') ? [] : [name]
    } catch {
      return [] // it has ended
    }
  })
  return [...links, ...threads].sort()
}

/** What this process holds, as soon as it is `expected` or after seconds. */
export async function settled(expected: string): Promise<string> {
  for (let attempt = 0; attempt < 1000; attempt++) {
    if (holdings().join() === expected) break
    await sleep(10)
  }
  return holdings().join()
}

async function files(rings: Ringmaster): Promise<void> {
  const folder = fs.mkdtempSync('/tmp/ringmaster-')
  const path = `${folder}/data`
  await rings.writeFile(path, content)
  same(sha256(fs.readFileSync(path)), sha256(content), 'what node:fs reads of what was written')
  same(sha256(await rings.readFile(path)), sha256(content), 'what is read as a whole')
  const small = `${folder}/small`
  fs.writeFileSync(small, 'a small file')
  same(
    await Promise.all(Array.from({ length: 40 }, () => rings.readFile(small, 'utf8'))),
    Array(40).fill('a small file'),
  )
  const [found, expected] = [await rings.stat(path), fs.statSync(path)]
  same([found.size, found.mtimeMs, found.isFile()], [expected.size, expected.mtimeMs, true])
  const file = await rings.open(path, 'r+')
  const buffers = Array.from({ length: 64 }, () => Buffer.alloc(4096))
  const positions = buffers.map((_, index) => (index * 37 * 4096) % (content.length - 4096))
  const results = await file.readBatch(buffers, positions)
  for (const [index, buffer] of buffers.entries()) {
    const at = positions[index]!
    holds(
      results[index] === 4096 && buffer.equals(content.subarray(at, at + 4096)),
      `block ${index} of a batch is right`,
    )
  }
  same((await file.write('changed', 5)).bytesWritten, 7)
  await file.datasync()
  const read = await file.read(Buffer.alloc(7), 0, 7, 5)
  same(String(read.buffer), 'changed')
  same((await file.stat()).size, content.length)
  await file.close()
  same(await codeOf(rings.readFile(`${folder}/nothing`)), 'ENOENT')
  const directory = await rings.open(folder, fs.constants.O_DIRECTORY)
  const beneath = await rings.openBeneath(directory, 'small')
  same((await beneath.read()).bytesRead, 12)
  same(await codeOf(rings.openBeneath(directory, '../../etc')), 'EXDEV')
  await beneath.close()
  await directory.close()
  fs.rmSync(folder, { recursive: true })
}

async function chains(rings: Ringmaster): Promise<void> {
  const path = fs.mkdtempSync('/tmp/ringmaster-') + '/chained'
  fs.writeFileSync(path, 'chained')
  const raw = rings.raw()
  const slot = raw.directSlots.lease()
  for (let round = 0; round < 20; round++) {
    const buffer = Buffer.alloc(100)
    const outcomes = await raw
      .chain()
      .link(op.openat({ path, direct: slot }))
      .hardlink(op.read({ fd: slot, buffer }))
      .link(op.close({ fd: slot }))
      .submit()
    same(
      outcomes.map(({ status }) => status),
      ['done', 'short', 'done'],
    )
    same(buffer.toString('latin1', 0, 7), 'chained')
  }
  slot.release()
  const broken = await raw
    .chain()
    .link(op.openat({ path: `${path}-not` }))
    .link(op.nop())
    .submit()
  same(
    broken.map(({ status }) => status),
    ['failed', 'cancelled'],
  )
  const limited = await raw
    .chain()
    .link(op.timeout({ timeMs: 3_600_000 }))
    .timeout(10)
    .submit()
  same(
    limited.map(({ status }) => status),
    ['timed-out'],
  )
}

/** On rings of their own: some kernels keep what comes behind a barrier waiting for more than they should. */
async function barriers(options: RingmasterOptions): Promise<void> {
  const rings = await Ringmaster.start({ ...options, rings: 1 })
  try {
    const raw = rings.raw()
    const [first, second] = [raw.submit(op.timeout({ timeMs: 30 })), raw.submit(op.nop(), { drain: true })]
    const winner = await Promise.race([first.then(() => 'the one before it'), second.then(() => 'the barrier')])
    same(winner, 'the one before it', 'what is over first')
    same(await second, 0)
  } finally {
    await rings.close()
  }
}

/** Requests under way are ended by their signal, and the promise settles. */
async function aborts(rings: Ringmaster): Promise<void> {
  const abort = new AbortController()
  const waiting = codeOf(rings.raw().submit(op.timeout({ timeMs: 3_600_000 }), { signal: abort.signal }))
  await rings.nop()
  abort.abort()
  same(await waiting, 'ABORT_ERR')
}

async function checkStart(area: string, options: RingmasterOptions, expected: Record<string, unknown>): Promise<void> {
  if (!wants(area)) return
  const before = holdings().join()
  let rings: Ringmaster | undefined
  await check(area, 'starts, and says what it is', async () => {
    rings = await Ringmaster.start(options)
    for (const ring of rings.stats().rings)
      for (const [name, value] of Object.entries(expected)) same(Reflect.get(ring, name), value, name)
  })
  if (rings === undefined) return
  const running = rings
  await check(area, 'reads and writes files as node:fs does', () => files(running))
  await check(area, 'carries out chains and timeouts', () => chains(running))
  await check(area, 'keeps barriers', () => barriers(options))
  await check(area, 'aborts', () => aborts(running))
  await check(area, 'does 100,000 no-ops in batches, and loses none', async () => {
    for (let round = 0; round < 100; round++) await running.nopBatch(1000)
    for (const { inFlight, cqOverflows, staleCompletions } of running.stats().rings)
      same([inFlight, cqOverflows, staleCompletions], [0, 0, 0])
  })
  await check(area, 'close() leaves no descriptor and no thread', async () => {
    await running.close()
    same(await settled(before), before)
  })
}

export async function checkPollers(): Promise<void> {
  const memory = isSince(release(), '6.5') ? 'user' : 'mapped'
  const cpus = availableParallelism()
  await checkStart('start, auto', {}, { memory, poller: cpus > 2 ? 'kernel' : cpus === 2 ? 'worker' : 'caller' })
  for (const kind of await everyKind())
    await checkStart(
      `start, ${kind.poller}${kind.poller === 'threadpool' ? '' : `, ${kind.memory}`}`,
      { poller: kind.poller, ...(kind.poller === 'threadpool' ? {} : { memory: kind.memory }), rings: 2 },
      kind.poller === 'threadpool' ? { poller: kind.poller } : kind,
    )
  const shared = { poller: 'kernel', sqThreads: 'shared', rings: 3 } as const
  await checkStart('start, shared SQ thread', shared, { poller: 'kernel', memory })
  await check(
    'start, refusals',
    "ring memory of the program's own is refused before 6.5, with what the kernel says",
    async () => {
      if (isSince(release(), '6.5')) return
      same(await codeOf(Ringmaster.start({ memory: 'user' })), 'ERR_INVALID_ARG_VALUE')
    },
  )
}
