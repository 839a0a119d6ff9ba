// All scenarios, in the order they run. Called by main.ts (which to run) and leg-process.ts (what to do).
import type { Scenario } from '../model.ts'
import { chainRead } from './chain-read.ts'
import { chainWrite } from './chain-write.ts'
import { directOpen } from './direct-open.ts'
import { directRead } from './direct-read.ts'
import { fixedBuffers128k, fixedBuffers4k } from './fixed-buffers.ts'
import { nop } from './nop.ts'
import { read4kDepth1 } from './read4k-depth1.ts'
import { read4kDepth64 } from './read4k-depth64.ts'
import { readfile } from './readfile.ts'
import { receive } from './receive.ts'
import { send } from './send.ts'

export const scenarios: readonly Scenario[] = [
  nop,
  read4kDepth1,
  read4kDepth64,
  readfile,
  directRead,
  directOpen,
  chainRead,
  chainWrite,
  ...receive,
  ...send,
  fixedBuffers4k,
  fixedBuffers128k,
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

function belongsTo(scenario: Scenario, name: string): boolean {
  return scenario.name === name || scenario.name.startsWith(`${name}-`)
}
