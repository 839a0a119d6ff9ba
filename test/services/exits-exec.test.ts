// What programs inherit that a process with rings starts: nothing but what it was told to leave open. `ls` and Node itself tell.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { temporaryFolder } from './harness.ts'
import { everyWay, runProgram } from './programs.ts'

vi.setConfig({ testTimeout: 60_000 })

const folder = temporaryFolder()
const data = join(folder.path, 'data')
writeFileSync(data, Buffer.alloc(65536, 0x5a))
afterAll(() => {
  folder.remove()
})

/** What a child says that Node runs: what its descriptors are, numbers of sockets and pipes left out. */
const child = join(folder.path, 'child.mjs')
writeFileSync(
  child,
  `import fs from 'node:fs'
  const targets = fs.readdirSync('/proc/self/fd').flatMap((fd) => {
    try { return [fs.readlinkSync('/proc/self/fd/' + fd).replace(/\\[\\d+\\]|\\d+\\/fd/, '')] } catch { return [] }
  })
  const told = JSON.stringify(targets.sort())
  if (process.send) process.send(told, () => process.disconnect())
  else console.log(told)`,
)

/** For programs: what is inherited by `ls`, by Node and by a worker of a cluster. */
const looks = `
  import { execFileSync, spawnSync } from 'node:child_process'
  import { once } from 'node:events'
  import cluster from 'node:cluster'
  const byLs = () => {
    const out = fs.openSync(arg.out, 'w+')
    spawnSync('ls', ['-l', '/proc/self/fd'], { stdio: ['ignore', out, 'ignore'] })
    fs.closeSync(out)
    // The last one is the folder that ls reads.
    return fs.readFileSync(arg.out, 'utf8').split('\\n').flatMap((line) => / -> (.*)/.exec(line)?.[1] ?? []).filter((target) => !/^\\/proc\\/\\d+\\/fd$/.test(target))
  }
  const byNode = () => JSON.parse(execFileSync(process.execPath, [arg.child], { encoding: 'utf8' }))
  cluster.setupPrimary({ exec: arg.child, execArgv: [] })
  const byCluster = async () => {
    const worker = cluster.fork()
    const [told] = await once(worker, 'message')
    await once(worker, 'exit')
    return JSON.parse(told)
  }
  const look = async () => ({ ls: byLs(), node: byNode(), cluster: await byCluster() })
`
/** Descriptors of every kind that requests open, none of them closed. */
const opening = `
  const file = await rings.open(arg.data, 'r')
  const opened = [file.fd]
  if (arg.raw) {
    const raw = rings.raw()
    opened.push(await raw.submit(op.openat({ path: arg.data })), await raw.submit(op.openat2({ path: arg.data })))
    const { read, write } = await raw.submit(op.pipe())
    const socket = () => raw.submit(op.socket({ family: 'AF_UNIX', type: 'SOCK_STREAM' }))
    const address = { path: arg.out + '.sock' }
    const listener = await socket()
    await raw.submit(op.bind({ fd: listener, address }))
    await raw.submit(op.listen({ fd: listener }))
    const clients = [await socket(), await socket()]
    const accepted = raw.submit(op.accept({ fd: listener }))
    await raw.submit(op.connect({ fd: clients[0], address }))
    opened.push(read, write, listener, ...clients, await accepted)
    const stream = raw.stream(acceptStream({ fd: listener }))
    const next = stream.next()
    await raw.submit(op.connect({ fd: clients[1], address }))
    opened.push((await next).value)
    const direct = await raw.submit(op.openat({ path: arg.data, direct: 'allocate' }))
    await raw.submit(op.socket({ family: 'AF_UNIX', type: 'SOCK_STREAM', direct: 'allocate' }))
    opened.push(await raw.submit(op.fixedFdInstall({ fd: direct })))
  }
`

describe.each(everyWay)('what a process with poller %s starts', (way) => {
  const arg = { out: join(folder.path, `out-${way}`), child, data, raw: way !== 'plain' }

  it('inherits nothing of the rings nor of what they opened, while they are busy', async () => {
    const script = `${looks}
      const before = await look()
      const rings = await start()
      ${opening}
      let going = true, reads = 0
      const lane = async () => {
        while (going) {
          const { bytesRead, buffer } = await file.read(Buffer.alloc(4096), 0, 4096, (reads % 16) * 4096)
          if (bytesRead !== 4096 || buffer.some((byte) => byte !== 0x5a)) throw new Error('wrong data')
          if ((await rings.readFile(arg.data)).length !== 65536) throw new Error('wrong length')
          reads++
        }
      }
      const lanes = Array.from({ length: 20 }, lane)
      while (reads === 0) await rings.nop()
      const during = await look()
      going = false
      await Promise.all(lanes)
      console.log(JSON.stringify({ before, during, opened: opened.length }))
      process.exit(0)`
    const { stdout, ...end } = await runProgram(way, script, arg, folder.path)
    expect(end).toEqual({ code: 0, signal: null, stderr: '' })
    const told = JSON.parse(stdout) as { before: object; during: object; opened: number }
    expect(told.during).toEqual(told.before)
    expect(told.opened).toBe(arg.raw ? 11 : 1)
  })

  if (way !== 'plain')
    it('inherits what it was told to leave open', async () => {
      const script = `${looks}
      const rings = await start()
      await rings.raw().submit(op.openat({ path: arg.data, inherit: true }))
      console.log(byLs().includes(arg.data))
      process.exit(0)`
      expect(await runProgram(way, script, arg, folder.path)).toMatchObject({ code: 0, stdout: 'true\n', stderr: '' })
    })

  it('lets a file be executed at once that was written and closed', async () => {
    const script = `
      import { execFileSync } from 'node:child_process'
      const rings = await start()
      for (let round = 0; round < 20; round++) {
        const path = arg.out + '.sh' + round
        await rings.writeFile(path, '#!/bin/sh\\necho ran', { mode: 0o755 })
        if (execFileSync(path, { encoding: 'utf8' }) !== 'ran\\n') throw new Error('did not run')
      }
      await rings.close()`
    expect(await runProgram(way, script, arg, folder.path)).toEqual({ code: 0, signal: null, stdout: '', stderr: '' })
    expect(existsSync(`${arg.out}.sh19`) && readFileSync(`${arg.out}.sh19`, 'utf8')).toContain('echo ran')
  })
})
