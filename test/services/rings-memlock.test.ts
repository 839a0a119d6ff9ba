// Rings that were asked for larger than may be locked: a child process with a real limit and without CAP_IPC_LOCK, which root has.
import { spawnSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'

const library = JSON.stringify(new URL('../../dist/services/index.js', import.meta.url).href)
const has = (command: string): boolean => spawnSync(command, ['--version']).status === 0
const isRoot = process.getuid?.() === 0

describe.runIf(isRoot && has('setpriv') && has('prlimit'))('rings in a process that may lock 64 KiB', () => {
  it.each(['auto', 'user', 'mapped'])('that do not fit say so, and what to do: memory %s', (memory) => {
    const script = `
      import { Ringmaster } from ${library}
      const failure = await Ringmaster.start({ poller: 'caller', rings: 1, sqEntries: 4096, cqEntries: 16384, memory: '${memory}' }).catch((error) => error)
      console.log(JSON.stringify({ code: failure.code, reason: failure.reason, message: failure.message, cause: failure.cause?.code }))`
    const args = ['--memlock=65536', 'setpriv', '--bounding-set', '-all', '--inh-caps', '-all']
    const node = [process.execPath, '--input-type=module', '-e', script]
    const { stdout, stderr } = spawnSync('prlimit', [...args, ...node], { encoding: 'utf8', timeout: 20_000 })
    expect(stderr).toBe('')
    expect(JSON.parse(stdout)).toEqual({
      code: 'ERR_RING_UNAVAILABLE',
      reason: 'memlock',
      message: expect.stringMatching(
        /"Max locked memory" is 65536 bytes.*ulimit -l or LimitMEMLOCK=, or use smaller/,
      ) as string,
      cause: 'ENOMEM',
    })
  })
})
