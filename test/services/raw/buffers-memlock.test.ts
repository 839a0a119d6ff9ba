// Registering buffers where little memory may be locked: the kernel's ENOMEM, with what it means and what to do. A child process with
// a real limit and without CAP_IPC_LOCK, which root has.
import { spawnSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { canLimitMemlock, underMemlock } from '../../native/support/memlock.ts'

const library = JSON.stringify(new URL('../../../dist/services/index.js', import.meta.url).href)
const limitBytes = 2 * 2 ** 20

interface Answer {
  readonly code: string
  readonly syscall: string
  readonly message: string
  readonly stack: string
  readonly smaller: number
}

describe.runIf(canLimitMemlock)('buffers.update() in a process that may lock 2 MiB', () => {
  it.each(['kernel', 'worker', 'caller'])('refuses more with the limit and what to do, poller %s', (poller) => {
    const script = `
      import { Ringmaster } from ${library}
      const rings = await Ringmaster.start({ rings: 1, poller: '${poller}', sqEntries: 8, cqEntries: 128, backlogMax: 8 })
      const { buffers } = rings.raw()
      try {
        buffers.update(3, Buffer.alloc(${2 * limitBytes}))
      } catch ({ code, syscall, message, stack }) {
        // Nothing was left registered: there is room for a little.
        const smaller = buffers.update(3, Buffer.alloc(4096)).index
        console.log(JSON.stringify({ code, syscall, message, stack, smaller }))
      }
      await rings.close()`
    const [command, ...args] = underMemlock(limitBytes)
    const node = [process.execPath, '--input-type=module', '-e', script]
    const { status, stdout, stderr } = spawnSync(command, [...args, ...node], { encoding: 'utf8', timeout: 20_000 })
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    const { code, syscall, message, stack, smaller } = JSON.parse(stdout) as Answer
    expect({ code, syscall, smaller }).toEqual({ code: 'ENOMEM', syscall: 'io_uring_register', smaller: 3 })
    expect(message).toMatch(
      /^ENOMEM: .*the kernel would not lock 4194304 bytes.*"Max locked memory" is 2097152 bytes.*, or register less$/,
    )
    expect(stack.startsWith(`Error: ${message}\n`)).toBe(true)
  })
})
