// Rings that were asked for larger than may be locked: a child process with a real limit and without CAP_IPC_LOCK, which root has.
import { spawnSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'

const library = JSON.stringify(new URL('../../dist/services/index.js', import.meta.url).href)
const has = (command: string): boolean => spawnSync(command, ['--version']).status === 0
const isRoot = process.getuid?.() === 0

/** What a program prints that may lock so much. */
function printed(memlockBytes: number, script: string): unknown {
  const args = [`--memlock=${memlockBytes}`, 'setpriv', '--bounding-set', '-all', '--inh-caps', '-all']
  const node = [process.execPath, '--input-type=module', '-e', script]
  const { stdout, stderr } = spawnSync('prlimit', [...args, ...node], { encoding: 'utf8', timeout: 60_000 })
  expect(stderr).toBe('')
  return JSON.parse(stdout)
}

const start = (memory: string): string =>
  `Ringmaster.start({ poller: 'caller', rings: 1, sqEntries: 4096, cqEntries: 16384, memory: '${memory}' })`

describe.runIf(isRoot && has('setpriv') && has('prlimit'))('rings of 4096 entries', () => {
  it.each(['auto', 'user', 'mapped'])(
    'are halved until they fit into 64 KiB that may be locked: memory %s',
    (memory) => {
      const script = `
      import { readFileSync } from 'node:fs'
      import { Registry } from ${JSON.stringify(import.meta.resolve('prom-client'))}
      import { Ringmaster } from ${library}
      const rings = await ${start(memory)}
      const registry = new Registry()
      rings.register(registry)
      const { placement, rings: [ring] } = rings.stats()
      await Promise.all(Array.from({ length: 3000 }, () => rings.nop()))
      const right = (await rings.readFile('/proc/self/status', 'utf8')).includes('VmLck')
      const counted = (await registry.metrics()).split('\\n').find((line) => line.startsWith('ringmaster_ring_entry_halvings_total{'))
      console.log(JSON.stringify({
        sqEntries: ring.sqEntries, cqEntries: ring.cqEntries, halvings: ring.entryHalvings, reason: ring.reason, counted, right,
        choices: placement.choices.filter(({ name }) => name.endsWith('Entries')),
      }))
      await rings.close()`
      const found = printed(65536, script) as { halvings: number; sqEntries: number }
      expect(found.halvings).toBeGreaterThan(2)
      const sqEntries = 4096 >> found.halvings
      const reason = expect.stringMatching(
        /no memory for more than .* entries: .*"Max locked memory" is 65536/,
      ) as string
      expect(found).toEqual({
        sqEntries,
        cqEntries: 4 * sqEntries,
        halvings: found.halvings,
        reason,
        counted: `ringmaster_ring_entry_halvings_total{ring="0"} ${found.halvings}`,
        right: true,
        choices: [
          { name: 'sqEntries', value: sqEntries, reason },
          { name: 'cqEntries', value: 4 * sqEntries, reason },
        ],
      })
    },
  )

  it.each(['auto', 'user', 'mapped'])('say what to do where not even the smallest fits: memory %s', (memory) => {
    const script = `
      import { Ringmaster } from ${library}
      const failure = await ${start(memory)}.catch((error) => error)
      console.log(JSON.stringify({ code: failure.code, reason: failure.reason, message: failure.message }))`
    expect(printed(4096, script)).toEqual({
      code: 'ERR_RING_UNAVAILABLE',
      reason: 'memlock',
      message: expect.stringMatching(
        /"Max locked memory" is 4096 bytes.*ulimit -l or LimitMEMLOCK=, or use smaller/,
      ) as string,
    })
  })
})
