// Syncs of several uploads made one: whom a sync serves, what they cost, and that a failure is everybody's.
import { closeSync, constants, fstatSync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { tmpdir } from 'node:os'
import { afterAll, describe, expect, it } from 'vitest'
import { FileSystemSync } from '../../services/blob/file-system-sync.ts'
import { GroupSync } from '../../services/blob/group-sync.ts'
import type { Folder, SyncAll } from '../../services/blob/group-sync.ts'
import { SharedSync } from '../../services/blob/shared-sync.ts'
import { Ringmaster } from '../../services/ringmaster.ts'
import { failure } from '../services/harness.ts'

/** Promises that are settled from outside, one for each call. */
class Calls {
  readonly open: { resolve: () => void; reject: (error: Error) => void }[] = []
  count = 0
  readonly call = (): Promise<void> => {
    this.count++
    return new Promise((resolve, reject) => this.open.push({ resolve, reject }))
  }
}
const failed = (code: string): Error => Object.assign(new Error(code), { code })
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
const settled = async (promise: Promise<unknown>): Promise<boolean> => {
  let is = false
  promise.then(
    () => (is = true),
    () => (is = true),
  )
  await turn()
  return is
}

describe('a shared sync', () => {
  it('serves all who asked before it began, and nobody who came later', async () => {
    const calls = new Calls()
    let idle = 0
    const shared = new SharedSync(() => idle++)
    const first = shared.join(calls.call)
    const late = [shared.join(calls.call), shared.join(calls.call)]
    expect(calls.count).toBe(1)
    calls.open[0]!.resolve()
    await first
    await turn()
    expect([calls.count, await settled(late[0]!), idle]).toEqual([2, false, 0])
    const latest = shared.join(calls.call)
    calls.open[1]!.resolve()
    await Promise.all(late)
    await turn()
    calls.open[2]!.resolve()
    await latest
    await turn()
    expect([calls.count, idle]).toEqual([3, 1])
  })

  it('fails for everyone whom it served, and the next one is a new one', async () => {
    const calls = new Calls()
    const shared = new SharedSync(() => undefined)
    const first = shared.join(calls.call)
    const second = [shared.join(calls.call), shared.join(calls.call)]
    calls.open[0]!.reject(failed('first'))
    expect(await failure(first)).toMatchObject({ code: 'first' })
    await turn()
    const third = shared.join(calls.call)
    calls.open[1]!.reject(failed('second'))
    expect((await Promise.allSettled(second)).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    await turn()
    calls.open[2]!.resolve()
    await third
  })
})

describe('syncs of uploads', async () => {
  const path = mkdtempSync(join(tmpdir(), 'ringmaster-sync-'))
  const rings = await Ringmaster.start({ rings: 1 })
  const handle = rings.rings.handles[0]!
  const folders = [0, 1].map((index): Folder => {
    mkdirSync(join(path, String(index)))
    const fd = openSync(join(path, String(index)), constants.O_RDONLY | constants.O_DIRECTORY)
    const { dev, ino } = fstatSync(fd)
    return { fd, device: dev, inode: ino }
  })
  const files = Array.from({ length: 6 }, (_, index) => {
    const fd = openSync(join(path, '0', `${index}`), 'w')
    writeSync(fd, 'content')
    return fd
  })
  const [here, there] = folders as [Folder, Folder]
  afterAll(async () => {
    for (const fd of [...files, here.fd, there.fd]) closeSync(fd)
    await rings.close()
    rmSync(path, { recursive: true })
  })
  const all = (calls: Calls): SyncAll => ({
    device: here.device,
    needsFlush: true,
    run: calls.call,
    close: () => undefined,
  })

  it('of many at once are one; who comes meanwhile is in the next', async () => {
    const calls = new Calls()
    const syncs = new GroupSync(handle, all(calls))
    const first = files.map((fd) => syncs.syncFile(here, fd))
    await turn()
    expect(calls.count).toBe(1)
    const next = files.map((fd) => syncs.syncName(there, fd))
    calls.open[0]!.resolve()
    await Promise.all(first)
    await turn()
    expect([calls.count, await settled(next[0]!)]).toEqual([2, false])
    calls.open[1]!.resolve()
    await Promise.all(next)
    await syncs.close()
  })

  it('of few, of another file system, and after it was closed, are each their own', async () => {
    const calls = new Calls()
    const syncs = new GroupSync(handle, all(calls))
    await Promise.all([syncs.syncFile(here, files[0]!), syncs.syncName(here, files[1]!), syncs.syncFolder(there)])
    const elsewhere = { ...here, device: here.device + 1 }
    await Promise.all(files.map((fd) => syncs.syncName(elsewhere, fd)))
    await syncs.close()
    await Promise.all(files.map((fd) => syncs.syncFile(here, fd)))
    expect(calls.count).toBe(0)
  })

  it('that fail together fail for everyone: who was meant is told only once', async () => {
    const calls = new Calls()
    const syncs = new GroupSync(handle, all(calls))
    const asked = files.map((fd) => syncs.syncFile(here, fd))
    await turn()
    asked.push(...files.map((fd) => syncs.syncName(here, fd)))
    calls.open[0]!.reject(failed('EIO'))
    const outcomes = await Promise.allSettled(asked)
    expect(new Set(outcomes.map((one) => (one.status === 'rejected' ? String(one.reason) : one.status)))).toEqual(
      new Set(['Error: EIO']),
    )
    expect(await failure(syncs.syncFile(here, files[0]!))).toMatchObject({ code: 'EIO' })
    expect(calls.count).toBe(1)
    await syncs.close()
  })

  it('that fail alone fail alone', async () => {
    const syncs = new GroupSync(handle, null)
    const outcomes = await Promise.allSettled([syncs.syncFile(here, 1_000_000), syncs.syncName(here, files[0]!)])
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'fulfilled'])
    expect(await failure(syncs.syncName(here, 1_000_000))).toMatchObject({ code: 'EBADF', syscall: 'fsync' })
    expect(await failure(syncs.syncFolder({ ...here, fd: 1_000_000 }))).toMatchObject({ code: 'EBADF' })
  })

  it('syncfs(2) runs on a thread of its own where the file system is known to keep what it promises', async () => {
    const real = FileSystemSync.of(here.fd)
    if (real === null) return // overlayfs, tmpfs, …
    expect(real.device).toBe(here.device)
    await real.run()
    await real.run()
    real.close()
    const procFd = openSync('/proc/self', constants.O_RDONLY | constants.O_DIRECTORY)
    expect(FileSystemSync.of(procFd)).toBeNull()
    closeSync(procFd)
  })
})
