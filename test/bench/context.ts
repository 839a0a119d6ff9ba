// Makes the data that the chosen scenarios need, and says where it is. Called by main.ts.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { ensureDataFile, ensureMixedFile, ensureSmallFiles, ensureStatTree, privateDirectory } from './data.ts'
import type { BenchContext, Scenario, Workload } from './model.ts'

export interface ContextOptions {
  readonly seconds: number
  readonly warmup: number
  readonly prototype?: string
  readonly file?: string
  readonly dir?: string
  readonly data?: string
}

export function prepareContext(chosen: readonly Scenario[], options: ContextOptions): BenchContext {
  const root = privateDirectory('data', options.data)
  const needs = (...workloads: readonly Workload[]): boolean =>
    chosen.some(({ workload }) => workloads.includes(workload))
  const ownBlocks = needs('read') && options.file === undefined
  const ownFiles = needs('readfile', 'chain-read') && options.dir === undefined
  if (ownBlocks || ownFiles || needs('mixed', 'statx', 'append', 'chain-write'))
    process.stderr.write(`test data in ${root}\n`)
  const scratch = join(root, 'scratch')
  mkdirSync(scratch, { recursive: true })
  return {
    data: {
      blocks: options.file ?? (ownBlocks ? ensureDataFile(root) : ''),
      mixed: needs('mixed') ? ensureMixedFile(root) : '',
      smallFiles: options.dir ?? (ownFiles ? ensureSmallFiles(root) : ''),
      statTree: needs('statx') ? ensureStatTree(root) : '',
      scratch,
      ownBlocks,
      ownFiles,
    },
    seconds: options.seconds,
    warmupSeconds: options.warmup,
    buildDirectory: privateDirectory('build', options.data),
    ...(options.prototype === undefined ? {} : { prototypeDirectory: options.prototype }),
  }
}
