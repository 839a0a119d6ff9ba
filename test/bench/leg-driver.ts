// From the arguments of a leg's process to a driver that is ready to run. Called by leg-process.ts, and by leg-client.ts in each
// thread of a leg with several clients.
import type { Prepare, Prepared } from './drivers/driver.ts'
import { apis, type Api, type Scenario } from './model.ts'
import { at, scenarioByName } from './scenarios/index.ts'

/** What legs/node-legs.ts puts on the command line: plain data, so that it can be given to a thread. */
export interface LegSettings {
  readonly driver: string
  readonly scenario: string
  /** Where in its sweep the scenario is; empty where it has none. */
  readonly at: string
  readonly api: string
  readonly poller: string
  readonly file: string
  readonly dir: string
  readonly stamped: boolean
  readonly seconds: number
  readonly warmup: number
}

/** Loaded on demand, so that the legs of `fs` run in a process that never saw the library. */
const drivers: Readonly<Record<string, () => Promise<{ prepare: Prepare }>>> = {
  ringmaster: () => import('./drivers/ringmaster.ts'),
  'raw-files': () => import('./drivers/raw-files.ts'),
  buffers: () => import('./drivers/buffers.ts'),
  'fs-promises': () => import('./drivers/fs-promises.ts'),
  'fs-callback': () => import('./drivers/fs-callback.ts'),
  'fs-sync': () => import('./drivers/fs-sync.ts'),
}

export function scenarioOf(settings: LegSettings): Scenario {
  const scenario = scenarioByName(settings.scenario)
  return settings.at === '' ? scenario : at(scenario, Number(settings.at))
}

export async function prepareLeg(settings: LegSettings): Promise<Prepared> {
  const load = drivers[settings.driver]
  if (load === undefined) throw new Error(`there is no driver '${settings.driver}'`)
  const { prepare } = await load()
  return prepare({
    scenario: scenarioOf(settings),
    api: apiOf(settings.api),
    poller: settings.poller,
    dataFile: settings.file,
    dataDirectory: settings.dir,
    stamped: settings.stamped,
  })
}

function apiOf(name: string): Api {
  const api = apis.find((known) => known === name)
  if (api !== undefined) return api
  throw new Error(`there is no API '${name}'`)
}
