// All scenarios, in the order they run. Called by main.ts (which to run) and leg-process.ts (what to do).
import type { Scenario } from '../model.ts'
import { append } from './append.ts'
import { chainRead } from './chain-read.ts'
import { chainWrite } from './chain-write.ts'
import { clients } from './clients.ts'
import { directOpen } from './direct-open.ts'
import { directRead } from './direct-read.ts'
import { fixedBuffers } from './fixed-buffers.ts'
import { idleRings, idleRingsOnly } from './idle-rings.ts'
import { inFlight, inFlightParked } from './in-flight.ts'
import { mixed } from './mixed.ts'
import { nop } from './nop.ts'
import { odirectReads } from './odirect-read.ts'
import { read128k } from './read128k.ts'
import { reads4k } from './read4k.ts'
import { readfile } from './readfile.ts'
import { receive } from './receive.ts'
import { scraped } from './scraped.ts'
import { send } from './send.ts'
import { statx } from './statx.ts'

export const scenarios: readonly Scenario[] = [
  nop,
  ...reads4k,
  read128k,
  ...odirectReads,
  mixed,
  append,
  statx,
  readfile,
  clients,
  inFlight,
  inFlightParked,
  idleRings,
  idleRingsOnly,
  directRead,
  directOpen,
  chainRead,
  chainWrite,
  ...receive,
  ...send,
  ...fixedBuffers,
  scraped,
]

/** `read4k` means every scenario of that family; no name means all. */
export function selectScenarios(names: readonly string[]): readonly Scenario[] {
  if (names.length === 0) return scenarios
  for (const name of names) {
    if (scenarios.some((scenario) => belongsTo(scenario, name))) continue
    throw new Error(`no scenario '${name}'; there are ${scenarios.map((scenario) => scenario.name).join(', ')}`)
  }
  return scenarios.filter((scenario) => names.some((name) => belongsTo(scenario, name)))
}

export function scenarioByName(name: string): Scenario {
  const found = scenarios.find((scenario) => scenario.name === name)
  if (found === undefined) throw new Error(`no scenario '${name}'`)
  return found
}

/** The scenario at one value of its sweep. */
export function at(scenario: Scenario, value: number): Scenario {
  return scenario.sweep === undefined ? scenario : { ...scenario, [scenario.sweep.parameter]: value }
}

function belongsTo(scenario: Scenario, name: string): boolean {
  return scenario.name === name || scenario.name.startsWith(`${name}-`)
}
