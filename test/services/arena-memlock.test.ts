// An arena where little memory may be locked: a child process with a real limit and without CAP_IPC_LOCK, which root has.
import { spawnSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { canLimitMemlock, underMemlock } from '../native/support/memlock.ts'

const library = JSON.stringify(new URL('../../dist/services/index.js', import.meta.url).href)
const limitBytes = 4 * 2 ** 20

interface Answer {
  readonly registered: boolean
  readonly reason: string
  readonly bufferIndex: number | null
  readonly content: string
  readonly fixedReads: number
}

/** Makes an arena of so many bytes in a limited process, reads a file into it, and closes everything. */
function arenaOf(sizeBytes: number, poller: string): Answer {
  const script = `
    import { Ringmaster } from ${library}
    import { op } from ${library.replace('services/index.js', 'services/raw/index.js')}
    import { Registry } from ${JSON.stringify(import.meta.resolve('prom-client'))}
    const rings = await Ringmaster.start({ rings: 2, poller: '${poller}', sqEntries: 8, cqEntries: 128, backlogMax: 8 })
    const registry = new Registry()
    rings.register(registry)
    const arena = rings.arena({ slabBytes: 4096, slabs: ${sizeBytes / 4096}, fixedFor: 'all' })
    const lease = arena.lease()
    const file = await rings.open('/proc/self/limits', 'r')
    await file.read(lease.buffer, { position: 0 })
    const content = lease.buffer.toString('latin1', 0, 5)
    lease.buffer.fill(0)
    await rings.raw().submit(op.readFixed({ fd: file.fd, buffer: lease.buffer, bufferIndex: lease, position: 0 }))
    const fixedReads = Number(/operations_total.ring="0",operation="read_fixed". (\\d+)/.exec(await registry.metrics())?.[1] ?? 0)
    const { registered, reason } = arena
    console.log(JSON.stringify({ registered, reason, bufferIndex: lease.bufferIndex, content: content + lease.buffer.toString('latin1', 0, 5), fixedReads }))
    await file.close()
    lease.release()
    await arena.close()
    await rings.close()`
  const [command, ...args] = underMemlock(limitBytes)
  const node = [process.execPath, '--input-type=module', '-e', script]
  const { status, stdout, stderr } = spawnSync(command, [...args, ...node], { encoding: 'utf8', timeout: 20_000 })
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  return JSON.parse(stdout) as Answer
}

describe.runIf(canLimitMemlock)('an arena in a process that may lock 4 MiB', () => {
  it.each(['kernel', 'worker', 'caller'])('is registered within the limit, poller %s', (poller) => {
    const answer = arenaOf(4096, poller)
    expect(answer).toMatchObject({ registered: true, content: 'LimitLimit', fixedReads: 2 })
    expect(answer.bufferIndex).toBeTypeOf('number')
  })

  it.each(['kernel', 'worker', 'caller'])('works unregistered beyond it, and says what to do, poller %s', (poller) => {
    const answer = arenaOf(2 * limitBytes, poller)
    expect(answer).toMatchObject({ registered: false, bufferIndex: null, content: 'LimitLimit', fixedReads: 0 })
    expect(answer.reason).toMatch(
      /^the kernel would not lock 8388608 bytes.*"Max locked memory" is 4194304 bytes.*ulimit -l or LimitMEMLOCK=/,
    )
  })
})
