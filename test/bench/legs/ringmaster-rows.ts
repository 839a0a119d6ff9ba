// Which legs Ringmaster has: every poller with every API, `<poller>-<api>`. Rows for legs/node-legs.ts; targets.ts asks usesApi().
import type { Api, Scenario } from '../model.ts'
import { apis } from '../model.ts'
import { matches } from './names.ts'

export interface RingmasterRow {
  readonly name: string
  readonly title: string
  readonly driver: string
  readonly api: Api
  readonly poller: string
}

const pollers = ['kernel', 'worker', 'caller', 'threadpool', 'auto'] as const

const descriptions: Readonly<Record<Api, string>> = {
  promise: 'one promise per operation',
  batch: 'one promise per batch; latencies are those of whole batches',
  chain: 'one promise per chain',
  group: 'one batch of appends, then one fdatasync; latencies are those of whole groups',
  raw: 'ringmaster/raw with descriptors of the process',
  direct: 'ringmaster/raw with direct descriptors',
  plain: 'aligned memory, not registered',
  arena: 'the memory of a registered arena',
  multishot: 'one multishot receive into provided buffers',
  'zero-copy': 'send_zc; a promise settles when the kernel has let go of the buffer',
  sender: 'raw.sender(), which decides',
}

/** APIs that have a driver of their own. */
const drivers: Readonly<Partial<Record<Api, string>>> = {
  raw: 'raw-files',
  direct: 'raw-files',
  plain: 'buffers',
  arena: 'buffers',
}

export const ringmasterRows: readonly RingmasterRow[] = pollers.flatMap((poller) =>
  apis.map((api) => ({
    name: legName(poller, api),
    title: `Ringmaster, poller ${poller}, ${descriptions[api]}`,
    driver: drivers[api] ?? 'ringmaster',
    api,
    poller,
  })),
)

/** Whether there is a leg of this poller and API in the scenario. */
export function usesApi(poller: string, api: Api, scenario: Scenario): boolean {
  if (!scenario.apis.includes(api) || (api === 'batch' && scenario.batch === undefined)) return false
  if (poller === 'threadpool' && !threadpoolCan(api, scenario)) return false
  const { legs } = scenario
  return legs === undefined || legs.some((pattern) => matches(legName(poller, api), pattern))
}

/** What only io_uring can do: registered files and buffers, leased direct slots, provided buffers, zero-copy. */
function threadpoolCan(api: Api, { workload }: Scenario): boolean {
  if (workload === 'receive' || workload === 'send' || workload === 'chain-read') return false
  return api !== 'direct' && api !== 'arena'
}

function legName(poller: string, api: Api): string {
  return api === 'promise' ? poller : `${poller}-${api}`
}
