// scratch
import { execFileSync } from 'node:child_process'
import { closeSync, constants, existsSync, mkdirSync, openSync, readFileSync, statSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Ringmaster } from '../../services/ringmaster.ts'
import { callLoosely, descriptors, everyRing, failure, settledWithin, temporaryFolder } from './harness.ts'

const folder = temporaryFolder()
const at = (name: string) => join(folder.path, name)
afterAll(() => folder.remove())
let fifos = 0
const fifo = () => { const p = at(`fifo${fifos++}`); execFileSync('mkfifo', [p]); return p }
writeFileSync(at('small'), 'hello')

describe.each(everyRing.filter(r=>r.memory==='user'))('$poller', ({ poller, memory }) => {
  const start = (o = {}) => Ringmaster.start({ rings: 1, poller, memory, closeGraceMs: 50, closeDeadlineMs: 1000, ...o })

  it('S1 abort in backlog', async () => {
    const rings = await start({ sqEntries: 8, cqEntries: 128 })
    const p = fifo()
    const file = await rings.open(p, 'r+')
    const c0 = new AbortController()
    const held = Array.from({ length: 64 }, () => file.read(Buffer.alloc(1), { signal: c0.signal }))
    held.forEach(h => h.catch(() => {}))
    const c = new AbortController()
    await sleep(5)
    const waiting = file.read(Buffer.alloc(1), { signal: c.signal })
    await sleep(5)
    c.abort()
    expect(await settledWithin(waiting, 500)).toBe('ABORT_ERR')
    await rings.close()
  })
  it('S2 cancel with full SQ', async () => {
    const rings = await start({ sqEntries: 8, cqEntries: 128 })
    const file = await rings.open(fifo(), 'r+')
    const c0 = new AbortController()
    const held = Array.from({ length: 64 }, () => file.read(Buffer.alloc(1), { signal: c0.signal }))
    await sleep(20)
    c0.abort()
    const all = await Promise.all(held.map(h => settledWithin(h, 500)))
    expect(all.filter(a => a !== 'ABORT_ERR')).toEqual([])
    await rings.close()
  })
  it('S9 recursion abort of waiting readFiles', async () => {
    const rings = await start({ directDescriptors: 1 })
    const c = new AbortController()
    const all = Array.from({ length: 10000 }, () => rings.readFile(at('small'), { signal: c.signal }))
    const s = Promise.all(all.map(h => settledWithin(h, 3000)))
    c.abort()
    const counts: Record<string, number> = {}
    for (const r of await s) counts[r] = (counts[r] ?? 0) + 1
    expect(counts['pending']).toBe(undefined)
    expect(await settledWithin(rings.readFile(at('small')))).toBe('resolved')
    await rings.close()
  })
  it('S9b recursion on close of waiting readFiles', async () => {
    const rings = await start({ directDescriptors: 1 })
    const all = Array.from({ length: 10000 }, () => rings.readFile(at('small')))
    const s = Promise.all(all.map(h => settledWithin(h, 3000)))
    expect(await settledWithin(rings.close())).toBe('resolved')
    const counts: Record<string, number> = {}
    for (const r of await s) counts[r] = (counts[r] ?? 0) + 1
    expect(counts['pending']).toBe(undefined)
  })
  it('S9c abort of readFile waiting behind a stuck one', async () => {
    const rings = await start({ directDescriptors: 1 })
    const stuck = rings.readFile(fifo()); stuck.catch(() => {})
    const c = new AbortController()
    const w = rings.readFile(at('small'), { signal: c.signal })
    await sleep(5)
    c.abort()
    expect(await settledWithin(w, 500)).toBe('ABORT_ERR')
    await rings.close()
  })
  it('S9d fd leak: writeFile during close', async () => {
    const rings = await start()
    const before = descriptors().filter(d => d.includes(folder.path))
    const w = rings.writeFile(at('big'), Buffer.alloc(64 << 20)); w.catch(() => {})
    await sleep(5)
    await rings.close()
    console.log(await settledWithin(w))
    expect(descriptors().filter(d => d.includes(folder.path))).toEqual(before)
  })
  it('S9e file.close after rings.close', async () => {
    const rings = await start()
    const before = descriptors().filter(d => d.includes(folder.path))
    const f = await rings.open(at('small'))
    await rings.close()
    console.log(await settledWithin(f.close()))
    expect(descriptors().filter(d => d.includes(folder.path))).toEqual(before)
  })
  it('S10 file.close with full backlog', async () => {
    const rings = await start({ sqEntries: 8, cqEntries: 128, backlogMax: 0 })
    const p = await rings.open(fifo(), 'r+')
    const f = await rings.open(at('small'))
    const before = descriptors().filter(d => d.includes('small'))
    const held: Promise<unknown>[] = []
    for (let i = 0; i < 64; i++) { held.push(p.read(Buffer.alloc(1)).catch(() => {})); await sleep(0) }
    console.log(await settledWithin(f.close(), 300))
    writeFileSync(`/proc/self/fd/${p.fd}`, Buffer.alloc(64))
    await Promise.all(held)
    console.log(await settledWithin(f.close(), 300))
    expect(descriptors().filter(d => d.includes('small')).length).toBe(before.length - 1)
    await rings.close()
  })
  it('S12 bigint position in batch', async () => {
    const rings = await start()
    const f = await rings.open(at('small'))
    const b = [Buffer.alloc(2), Buffer.alloc(2)]
    console.log(await failure(callLoosely(f, 'readBatch', b, [0n, 2n])), b)
    const b2 = [Buffer.alloc(2)]
    console.log(await settledWithin(callLoosely(f, 'readBatch', b2, undefined)))
    console.log('rest', await settledWithin(f.close(), 300), rings.stats().rings[0])
    await rings.close()
  })
  it('S58 openBeneath w, and then close of the directory', async () => {
    const rings = await start()
    mkdirSync(at(`d${poller}`))
    const d = await rings.open(at(`d${poller}`))
    const o = rings.openBeneath(d, 'new', 'w')
    const c = d.close()
    console.log(await settledWithin(o), await settledWithin(c))
    if (existsSync(at(`d${poller}/new`))) console.log((statSync(at(`d${poller}/new`)).mode & 0o777).toString(8))
    await rings.close()
  })
})
