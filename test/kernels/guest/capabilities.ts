// What the library says of the kernel: rings, memory, opcodes and features, compared with the kernel's version, which tells what
// there must be on Debian's stock kernels. Called by smoke.ts.
import { release } from 'node:os'
import { featureRows } from '../../../native/features.ts'
import type { FeatureName } from '../../../native/features.ts'
import { operations } from '../../../native/operations/index.ts'
import { capabilities, Ringmaster } from '../../../services/index.ts'
import { features, operationTable, registrationTable } from '../../../services/raw/index.ts'
import { check, holds, isSince, same, tell } from './check.ts'

/** What stable kernels have taken over from later ones: whoever says to have it proves it, in operations/. */
const provenByOperations = new Set(['sendZcReportUsage'])

const sorted = (names: readonly string[]): string[] => [...names].sort()

export async function checkCapabilities(): Promise<void> {
  const found = await capabilities()
  const here = release()

  await check('capabilities', 'rings and SQ threads can be made, and the release is told', () => {
    same(found.rings, { ok: true }, 'rings')
    same(found.sqpoll, { ok: true }, 'sqpoll')
    same(found.kernelRelease, here, 'kernelRelease')
  })
  await check('capabilities', 'memory of the program carries rings since 6.5, mapped memory always', () => {
    same(found.memory, isSince(here, '6.5') ? ['user', 'mapped'] : ['mapped'])
  })
  await check('capabilities', 'the kernel reports the opcodes of its version, and none else', () => {
    const expected = operations.filter(({ since }) => isSince(here, since)).map(({ name }) => name)
    const reported = operations.filter(({ opcode }) => found.opcodes.includes(opcode)).map(({ name }) => name)
    same(sorted(reported), sorted(expected))
  })
  await check('capabilities', 'the table of operations says the same', async () => {
    const table = await operationTable()
    same(
      table.filter(({ supported }) => supported).map(({ opcode }) => opcode),
      [...found.opcodes].sort((a, b) => a - b),
    )
  })
  await check('capabilities', 'the table of registrations can be made', () => {
    holds(registrationTable().length > 0, 'there are registrations')
  })

  const verdicts = Object.entries(await features())
  for (const [name, { ok, reason, since }] of verdicts)
    await check('features', `${name} (${since})`, () => {
      if (featureRows[name as FeatureName].refused !== undefined) {
        same(reason, featureRows[name as FeatureName].refused, 'the reason')
      } else if (isSince(here, since)) {
        holds(ok, `it is there, but: ${reason}`)
      } else if (!ok || !provenByOperations.has(name)) {
        holds(!ok, `it is not there: it came with ${since}`)
        holds(reason?.includes(since) === true, `the reason says since when: ${reason}`)
      }
    })
  tell({
    kind: 'note',
    text: `features: ${sorted(verdicts.filter(([, { ok }]) => ok).map(([name]) => name)).join(' ')}`,
  })
  await check('features', 'a Ringmaster says the same', async () => {
    const rings = await Ringmaster.start()
    try {
      same(Object.entries(await rings.features()), verdicts)
    } finally {
      await rings.close()
    }
  })
}
