// A sweep as a file: what was measured, of which machine and how, so that it is done once. Used by sweep.ts and main.ts.
import { readFile, rename, writeFile } from 'node:fs/promises'
import { z } from 'zod'
import { compareFingerprints } from '../../../services/profile/fingerprint.ts'
import type { Fingerprint } from '../../../services/profile/schema.ts'
import { layoutKey } from '../../../services/tune/layouts.ts'
import { Ledger } from '../../../services/tune/ledger.ts'
import type { Layout, Sample, TunedWorkload } from '../../../services/tune/types.ts'

/** What has to be the same if legs of two runs are to stand in one table. */
export interface SweepSettings {
  readonly workload: TunedWorkload
  readonly knobs: readonly string[]
  readonly legSeconds: number
  readonly cache: 'cached' | 'direct'
  readonly dataMib: number
}

export interface KeptSweep {
  readonly format: 'ringmaster-tune-sweep'
  readonly version: 1
  readonly fingerprint: Fingerprint
  readonly settings: SweepSettings
  /** What its legs took, all in all. */
  readonly seconds: number
  readonly layouts: readonly {
    readonly layout: Layout
    readonly impossible: string | null
    readonly rounds: readonly (readonly [round: number, sample: Sample])[]
  }[]
}

const hasNumbers = (value: unknown, ...names: readonly string[]): boolean =>
  typeof value === 'object' &&
  value !== null &&
  names.every((name) => typeof Object.entries(value).find(([key]) => key === name)?.[1] === 'number')

/** Written by ourselves, and only here: as much is checked as keeps another file from being taken for a sweep. */
const keptSweep: z.ZodType<KeptSweep> = z.object({
  format: z.literal('ringmaster-tune-sweep'),
  version: z.literal(1),
  fingerprint: z.custom<Fingerprint>((value) => hasNumbers(value, 'cpus', 'memoryBytes')),
  settings: z.custom<SweepSettings>((value) => hasNumbers(value, 'legSeconds', 'dataMib')),
  seconds: z.number(),
  layouts: z.array(
    z.object({
      layout: z.custom<Layout>((value) => hasNumbers(value, 'depth', 'rings', 'batch', 'clients')),
      impossible: z.string().nullable(),
      rounds: z.array(
        z.tuple([z.number(), z.custom<Sample>((value) => hasNumbers(value, 'operationsPerSecond', 'p99Ns'))]),
      ),
    }),
  ),
})

/** Null where there is no such file. @throws Error where it is something else, or of another machine, grid or way to measure */
export async function readSweep(
  path: string,
  now: Pick<KeptSweep, 'fingerprint' | 'settings'>,
  grid: readonly Layout[],
): Promise<KeptSweep | null> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null
    throw error
  })
  if (text === null) return null
  const parsed = keptSweep.safeParse(parseJson(text))
  if (!parsed.success) throw new Error(`${path} is no sweep: name another file with --sweep`)
  const kept = parsed.data
  const differences = differencesOf(kept, now, grid)
  if (differences.length > 0)
    throw new Error(`the sweep in ${path} is another one (${differences.join('; ')}): name another file with --sweep`)
  return kept
}

function differencesOf(
  kept: KeptSweep,
  now: Pick<KeptSweep, 'fingerprint' | 'settings'>,
  grid: readonly Layout[],
): string[] {
  const settings = (Object.keys(now.settings) as (keyof SweepSettings)[])
    .filter((name) => JSON.stringify(kept.settings[name]) !== JSON.stringify(now.settings[name]))
    .map((name) => `${name}: ${JSON.stringify(now.settings[name])} now, ${JSON.stringify(kept.settings[name])} there`)
  const keys = (layouts: readonly Layout[]): string => layouts.map(layoutKey).sort().join('\n')
  const isSameGrid = keys(kept.layouts.map(({ layout }) => layout)) === keys(grid)
  return [
    ...compareFingerprints(kept.fingerprint, now.fingerprint).map((each) => each.replace('the profile', 'it')),
    ...settings,
    ...(isSameGrid ? [] : ['its layouts are others']),
  ]
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

export async function writeSweep(path: string, kept: KeptSweep): Promise<void> {
  await writeFile(`${path}.part`, `${JSON.stringify(kept)}\n`)
  await rename(`${path}.part`, path)
}

export function ledgerOf(kept: Pick<KeptSweep, 'layouts'>, workload: TunedWorkload): Ledger {
  const ledger = new Ledger({ workload, p99NsMax: null })
  for (const { layout, impossible, rounds } of kept.layouts) {
    ledger.entry(layout).impossible = impossible
    for (const [round, sample] of rounds) ledger.record(round, layout, sample)
  }
  return ledger
}

export const layoutsOf = (ledger: Ledger): KeptSweep['layouts'] =>
  ledger.entries.map(({ layout, impossible, rounds }) => ({ layout, impossible, rounds: [...rounds] }))
