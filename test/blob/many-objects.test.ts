// Many objects of 0 B to 64 MiB, stored by clients at the same time and read by others: all of them are what was sent, over HTTP and on the disk.
// RINGMASTER_OBJECTS says how many.
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, expect, it } from 'vitest'
import { seededRandom, temporaryFolder, testSeed } from '../services/harness.ts'
import { filesIn, startLimited } from './room/running.ts'

const seed = testSeed('many-objects')
const random = seededRandom(seed)
const count = Number(process.env['RINGMASTER_OBJECTS'] ?? 600)
const processes = 2
const connections = 16
const mib = 2 ** 20
const edges = [0, 1, 4095, 4096, 4097, 65_535, 65_536, 65_537, mib - 1, mib, mib + 1, 64 * mib]
const folder = temporaryFolder()
afterAll(() => {
  folder.remove()
})

interface ManyObject {
  readonly name: string
  readonly sizeBytes: number
  /** In what clients cut objects from. */
  readonly offsetBytes: number
  readonly isChunked: boolean
}

/** As many small ones as large ones of each size, on a scale of powers; and one in 300 beyond 64 KiB. */
function sizeOf(index: number): number {
  if (index < edges.length) return edges[index]!
  const [least, most] = index % 300 === 0 ? [2 ** 16, 2 ** 26] : [1, 2 ** 16]
  return Math.floor(least * (most / least) ** random()) - (least === 1 ? 1 : 0)
}

const objects: ManyObject[] = Array.from({ length: count }, (_, index) => ({
  name: `${index % 16}/${index % 251}/object-${index}`,
  sizeBytes: sizeOf(index),
  offsetBytes: Math.floor(random() * 64 * mib),
  isChunked: random() < 0.3,
}))

/** What `processes` clients say of the objects, each of every other one. */
async function haveDone(what: 'write' | 'read', port: number): Promise<string[]> {
  const parts = await Promise.all(
    Array.from({ length: processes }, async (_, part) => {
      const script = join(import.meta.dirname, 'many-objects-client.mjs')
      const parameters = [script, what, String(port), String(connections), String(seed)]
      const child = spawn(process.execPath, parameters, { stdio: ['pipe', 'pipe', 'inherit'] })
      // Who reads has other objects than who wrote.
      const mine = objects.filter((_, index) => (index + (what === 'read' ? 1 : 0)) % processes === part)
      child.stdin.end(mine.map((object) => JSON.stringify(object)).join('\n'))
      const [said] = await Promise.all([text(child.stdout), once(child, 'close')])
      expect(child.exitCode).toBe(0)
      const sums = said.split('\n')
      return mine.map(({ name }, index) => [name, sums[index]!] as const)
    }),
  )
  const byName = new Map(parts.flat())
  return objects.map(({ name }) => byName.get(name)!)
}

/** By sha256sum, of what is on the disk. */
function onDisk(root: string): string[] {
  const list = execFileSync('sh', ['-c', 'find . -type f -print0 | xargs -0 sha256sum'], {
    ...{ cwd: root, encoding: 'utf8', maxBuffer: 2 ** 28 },
  })
  const byName = new Map(list.split('\n').map((line) => [line.slice(68), line.slice(0, 64)]))
  return objects.map(({ name }) => byName.get(name)!)
}

it(`${count} objects are what was sent`, { timeout: 60_000 + count * 30 }, async () => {
  const root = join(folder.path, 'root')
  mkdirSync(root)
  await using running = await startLimited(root, { durability: 'full', sizeBytesMax: 2 ** 40 })
  const startedMs = performance.now()
  const sent = await haveDone('write', running.port)
  const storedMs = performance.now()
  const got = await haveDone('read', running.port)
  const readMs = performance.now()
  const seconds = (ms: number): string => (ms / 1000).toFixed(1)
  const bytes = objects.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  console.info(
    `${count} objects, ${(bytes / 1e9).toFixed(2)} GB: stored in ${seconds(storedMs - startedMs)} s, read in ${seconds(readMs - storedMs)} s`,
  )
  expect(new Set(sent.map((sum) => sum.length))).toEqual(new Set([64]))
  expect(got).toEqual(sent)
  expect(onDisk(root)).toEqual(sent)
  expect(filesIn(root)).toHaveLength(count)
  expect(await running.metric('ringmaster_blob_objects')).toBe(count)
})
