// The power fails in the middle of uploads, at a random moment: what was acknowledged with durability `full` is there and whole, and nothing is
// there by half. The same with `none` loses something: else nothing was tried. RINGMASTER_POWER_LOSSES says how often, RINGMASTER_POWER_DISKS
// on which file systems; by itself it is not run (npm run test:power).
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, describe, expect, it } from 'vitest'
import { sha256 } from '../../http/clients.ts'
import { seededBytes, seededRandom, temporaryFolder, testSeed } from '../../services/harness.ts'
import { say } from '../objects.ts'
import { filesIn } from '../room/running.ts'
import { LosableDisk, diskKinds } from './losable-disk.ts'
import type { DiskKind } from './losable-disk.ts'

const losses = Number(process.env['RINGMASTER_POWER_LOSSES'] ?? 0)
const kinds = (process.env['RINGMASTER_POWER_DISKS'] ?? 'ext4').split(',') as DiskKind[]
const clients = 8
const seed = losses === 0 ? 0 : testSeed('power')
const random = seededRandom(seed)
const folder = temporaryFolder()
afterAll(() => {
  folder.remove()
})

/** Bytes that say themselves whether they are whole: the digest of the rest, then the rest. */
function content(): Buffer {
  const sizeBytes = Math.floor(random() * (random() < 0.2 ? 400_000 : 5_000))
  const rest = seededBytes(sizeBytes, Math.floor(random() * 2 ** 31))
  return Buffer.concat([Buffer.from(sha256(rest)), rest])
}
const isWhole = (bytes: Buffer): boolean =>
  bytes.length >= 64 && bytes.toString('latin1', 0, 64) === sha256(bytes.subarray(64))

/** What may be under a name: what was acknowledged last, and what was asked for since. */
interface Entry {
  acknowledged: string | null
  asked: string[]
}

interface Outcome {
  readonly acknowledged: number
  /** Names under which something else is, or nothing. */
  readonly lost: readonly string[]
  readonly torn: readonly string[]
}

async function startServer(root: string, durability: string): Promise<{ child: ChildProcess; port: number }> {
  const script = join(import.meta.dirname, '../kill-server.mjs')
  const child = spawn(process.execPath, [script, root, durability], { stdio: ['pipe', 'pipe', 'inherit'] })
  const [said] = (await once(child.stdout, 'data')) as [Buffer]
  return { child, port: Number(said.toString()) }
}

async function upload(port: number, client: number, ledger: Map<string, Entry>, isOver: () => boolean): Promise<void> {
  for (let count = 0; !isOver(); count++) {
    const name = count % 3 === 0 ? `shared-${client}` : `folder-${client % 3}/${count % 7}/${client}-${count}`
    const bytes = content()
    const entry = ledger.get(name) ?? { acknowledged: null, asked: [] }
    ledger.set(name, entry)
    entry.asked.push(sha256(bytes))
    try {
      const { status } = await say(port, 'PUT', `/b/${name}`, bytes)
      if (status >= 300) return // the disk says no more
    } catch {
      return // the server is killed
    }
    // With `full`, an answer that comes after the loss counts as any other.
    entry.acknowledged = sha256(bytes)
    entry.asked = []
  }
}

async function lose(disk: LosableDisk, durability: string): Promise<Outcome> {
  const root = join(disk.path, 'root')
  mkdirSync(root)
  disk.sync()
  const { child, port } = await startServer(root, durability)
  const ledger = new Map<string, Entry>()
  let isOver = false
  const uploads = Array.from({ length: clients }, (_, client) => upload(port, client, ledger, () => isOver))
  try {
    await sleep(300 + Math.floor(random() * 1_500))
    disk.losePower()
    await sleep(Math.floor(random() * 50)) // somebody may still be answered
  } finally {
    isOver = true
    child.kill('SIGKILL')
    await once(child, 'exit')
    await Promise.all(uploads)
  }
  await disk.restorePower()
  const outcome = compare(root, ledger)
  rmSync(root, { recursive: true, force: true })
  return outcome
}

function compare(root: string, ledger: ReadonlyMap<string, Entry>): Outcome {
  const there = filesIn(root)
  const contents = new Map(there.map((name) => [name, readFileSync(join(root, name))]))
  const known = [...ledger]
  return {
    acknowledged: known.filter(([, { acknowledged }]) => acknowledged !== null).length,
    lost: known.flatMap(([name, { acknowledged, asked }]) => {
      const found = contents.get(name)
      const sum = found === undefined ? null : sha256(found)
      return [acknowledged, ...asked].includes(sum) ? [] : [`${name}: ${sum === null ? 'nothing' : 'something else'}`]
    }),
    torn: [...contents].flatMap(([name, bytes]) => (isWhole(bytes) ? [] : [name])),
  }
}

describe.skipIf(losses === 0).each(kinds)('on %s', (kind) => {
  it.each(['full', 'data', 'none'])(
    `${losses} times, with durability %s`,
    { timeout: losses * 60_000 },
    async (durability) => {
      expect(diskKinds).toHaveProperty(kind)
      let [acknowledged, lost, torn] = [0, 0, 0]
      for (let round = 0; round < losses; round++) {
        const place = join(folder.path, `${kind}-${durability}-${round}`)
        mkdirSync(place)
        await using disk = await LosableDisk.make(place, kind)
        const outcome = await lose(disk, durability)
        acknowledged += outcome.acknowledged
        lost += outcome.lost.length
        torn += outcome.torn.length
        if (durability === 'full') expect(outcome).toMatchObject({ lost: [], torn: [] })
        if (durability === 'data') expect(outcome).toMatchObject({ torn: [] })
        await disk[Symbol.asyncDispose]()
        rmSync(place, { recursive: true })
      }
      console.info(`${kind}, ${durability}: ${acknowledged} names acknowledged, ${lost} lost, ${torn} by half`)
      expect(acknowledged).toBeGreaterThan(losses * clients)
      if (durability === 'none') expect(lost).toBeGreaterThan(0)
    },
  )
})
