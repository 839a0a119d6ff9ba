// Every operation there is, on every poller and ring memory: what the kernel reports must work, what it lacks must be refused with the
// reason. Called by smoke.ts.
import { operations } from '../../../native/operations/index.ts'
import { capabilities } from '../../../services/index.ts'
import { makeOperation } from '../../../services/raw/index.ts'
import { threadpoolRefusal } from '../../../workers/threadpool/refusals.ts'
import { Bench } from './bench.ts'
import type { Poller } from './bench.ts'
import { check, refusalOf, same, wants } from './check.ts'
import { fileProofs } from './operations/files.ts'
import { socketProofs } from './operations/sockets.ts'
import { waitProofs } from './operations/waits.ts'

const proofs = { ...fileProofs, ...socketProofs, ...waitProofs }

/** Every poller, with every ring memory that this kernel has. */
export async function everyKind(): Promise<{ poller: Poller; memory: 'user' | 'mapped' }[]> {
  const { memory } = await capabilities()
  const kinds = (['kernel', 'caller', 'worker'] as const).flatMap((poller) =>
    memory.map((kind) => ({ poller, memory: kind })),
  )
  return [...kinds, { poller: 'threadpool', memory: 'user' }]
}

export async function checkOperations(): Promise<void> {
  await check('operations', 'each has a proof', () => {
    same(Object.keys(proofs).sort(), operations.map(({ name }) => name).sort())
  })
  for (const { poller, memory } of await everyKind()) {
    const area = `operations, ${poller}${poller === 'threadpool' ? '' : `, ${memory}`}`
    if (wants(area)) await checkOn(area, poller, memory)
  }
}

async function checkOn(area: string, poller: Poller, memory: 'user' | 'mapped'): Promise<void> {
  const { opcodes } = await capabilities()
  const bench = await Bench.open(poller, poller === 'threadpool' ? {} : { memory })
  for (const row of operations) {
    const { name, opcode, since } = row
    const refusal =
      poller === 'threadpool'
        ? threadpoolRefusal(opcode, 0)
        : opcodes.includes(opcode)
          ? null
          : `this kernel has no ${name}: it came with Linux ${since}`
    if (refusal === null) {
      await check(area, `${name} works`, () => proofs[name]!(bench))
      bench.clean()
      continue
    }
    await check(area, `${name} is refused with the reason`, async () => {
      const refused = await refusalOf(bench.submit(makeOperation(row, () => undefined)))
      same(refused?.code, 'ERR_RING_OPERATION_UNSUPPORTED')
      same(refused?.message.endsWith(refusal), true, `that "${refused?.message}" ends with "${refusal}"`)
    })
  }
  await check(area, 'nothing is left in flight, and the rings close', async () => {
    const { rings } = bench.rings.stats()
    same(
      rings.map(({ inFlight, backlog, cqOverflows, staleCompletions }) => [
        inFlight,
        backlog,
        cqOverflows,
        staleCompletions,
      ]),
      [
        [0, 0, 0, 0],
        [0, 0, 0, 0],
      ],
    )
    await bench.close()
  })
}
