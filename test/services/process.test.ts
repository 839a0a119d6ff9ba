// How long a process lives that has rings: as long as something is in flight, and no longer.
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, describe, expect, it } from 'vitest'
import { allPollers, temporaryFolder } from './harness.ts'

const folder = temporaryFolder()
afterAll(() => {
  folder.remove()
})
const library = JSON.stringify(new URL('../../dist/services/index.js', import.meta.url).href)
const run = (script: string) =>
  spawnSync(process.execPath, ['--input-type=module', '-e', `import { Ringmaster } from ${library}\n${script}`], {
    encoding: 'utf8',
    timeout: 10_000,
  })

describe.each(allPollers)('a process with poller %s', (poller) => {
  const options = JSON.stringify({ poller, rings: 2 })

  it('ends by itself when nothing is in flight, rings open or not', () => {
    const { status, signal, stdout, stderr } = run(`
      const rings = await Ringmaster.start(${options})
      console.log((await rings.readFile('/proc/version')).length > 0)`)
    expect({ status, signal, stdout, stderr }).toEqual({ status: 0, signal: null, stdout: 'true\n', stderr: '' })
  })

  it('lives while a read waits, sleeping or not, and ends when it is answered', async () => {
    const path = join(folder.path, `pipe-${poller}`)
    execFileSync('mkfifo', [path])
    const script = `
      const rings = await Ringmaster.start(${options})
      console.log('reading')
      rings.readFile(${JSON.stringify(path)}, 'utf8').then((text) => console.log(text))`
    const child = spawn(process.execPath, [
      '--input-type=module',
      '-e',
      `import { Ringmaster } from ${library}\n${script}`,
    ])
    let output = ''
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
    await once(child.stdout, 'data')
    await sleep(300)
    expect(child.exitCode).toBeNull()
    createWriteStream(path).end('answer')
    const [code] = (await once(child, 'close')) as [number | null]
    expect({ code, output }).toEqual({ code: 0, output: 'reading\nanswer\n' })
  })

  it('may exit in mid-flight, and with an uncaught exception', () => {
    const begin = `
      const rings = await Ringmaster.start(${options})
      const file = await rings.open('/dev/zero')
      for (let index = 0; index < 100; index++) file.read(Buffer.alloc(100000)).catch(() => undefined)`
    expect(run(`${begin}\nprocess.exit(7)`)).toMatchObject({ status: 7, signal: null, stderr: '' })
    expect(run(`${begin}\nsetImmediate(() => { throw new Error('mine') })`)).toMatchObject({ status: 1, signal: null })
  })

  it('has no ring, no eventfd and no thread of the kernel when the library is only imported', () => {
    const { status, stdout } = run(`
      import { readFileSync, readdirSync, readlinkSync } from 'node:fs'
      const targets = readdirSync('/proc/self/fd').map((fd) => { try { return readlinkSync('/proc/self/fd/' + fd) } catch { return '' } })
      const names = readdirSync('/proc/self/task').map((tid) => readFileSync('/proc/self/task/' + tid + '/comm', 'latin1'))
      console.log(typeof Ringmaster, targets.filter((target) => target.includes('io_uring')).length)
      console.log(names.filter((name) => name.startsWith('iou')).length)`)
    expect({ status, stdout }).toEqual({ status: 0, stdout: 'function 0\n0\n' })
  })
})
