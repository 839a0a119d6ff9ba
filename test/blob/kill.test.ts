// kill -9 in the middle of uploads: what was acknowledged is there and whole, and what was not is there as a whole or not at all.
// RINGMASTER_KILLS says how often.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, expect, it } from 'vitest'
import { sha256 } from '../http/clients.ts'
import { seededBytes, seededRandom, temporaryFolder, testSeed } from '../services/harness.ts'
import { say } from './objects.ts'

const seed = testSeed('blob-kill')
const random = seededRandom(seed)
const kills = Number(process.env['RINGMASTER_KILLS'] ?? 6)
const folder = temporaryFolder()
afterAll(() => {
  folder.remove()
})

/** Bytes that say themselves whether they are whole: the digest of the rest, then the rest. */
function content(sizeBytes: number): Buffer {
  const rest = seededBytes(sizeBytes, Math.floor(random() * 2 ** 31))
  return Buffer.concat([Buffer.from(sha256(rest)), rest])
}
const isWhole = (bytes: Buffer): boolean =>
  bytes.length >= 64 && bytes.toString('latin1', 0, 64) === sha256(bytes.subarray(64))

it.each(['full', 'none'])(`${kills >> 1} times, with durability %s`, async (durability) => {
  for (let round = 0; round < kills >> 1; round++) {
    const root = join(folder.path, `${durability}-${round}`)
    mkdirSync(root)
    const child = spawn(process.execPath, [join(import.meta.dirname, 'kill-server.mjs'), root, durability], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    const [said] = (await once(child.stdout, 'data')) as [Buffer]
    const port = Number(said.toString())
    /** What may be under each name: what was acknowledged last, and what was asked for since. */
    const ledger = new Map<string, { acknowledged: string | null; asked: string[] }>()
    let killed = false
    let acknowledge = (): void => undefined
    const acknowledged = new Promise<void>((resolve) => (acknowledge = resolve))
    const clients = Array.from({ length: 6 }, async (_, client) => {
      for (let count = 0; !killed; count++) {
        const name = count % 3 === 0 ? `shared-${client}` : `folder-${client % 3}/${client}-${count}`
        const bytes = content(Math.floor(random() * (random() < 0.2 ? 400_000 : 5_000)))
        const entry = ledger.get(name) ?? { acknowledged: null, asked: [] }
        ledger.set(name, entry)
        entry.asked.push(sha256(bytes))
        try {
          const { status } = await say(port, 'PUT', `/b/${name}`, bytes)
          expect([201, 204]).toContain(status)
        } catch {
          return // killed
        }
        entry.acknowledged = sha256(bytes)
        entry.asked = []
        acknowledge()
      }
    })
    await acknowledged
    await sleep(Math.floor(random() * 200))
    killed = true
    child.kill('SIGKILL')
    await once(child, 'exit')
    await Promise.all(clients)
    const files = readdirSync(root, { recursive: true, withFileTypes: true, encoding: 'utf8' })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
    for (const file of files) expect(isWhole(readFileSync(file))).toBe(true)
    for (const [name, { acknowledged, asked }] of ledger) {
      const path = join(root, name)
      const found = files.includes(path) ? sha256(readFileSync(path)) : null
      expect([acknowledged, ...asked]).toContain(found)
    }
    rmSync(root, { recursive: true })
  }
})
