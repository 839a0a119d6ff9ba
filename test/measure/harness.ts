// What the tests of legs share: a folder with a file, orders, and a layout to change one thing of.
import { createHash } from 'node:crypto'
import { readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { LegData, LegOrder } from '../../services/measure/order.ts'
import { plainLayout } from '../../services/tune/plain-layout.ts'
import type { Layout } from '../../services/tune/types.ts'
import { seededBytes } from '../services/harness.ts'

export const layout: Layout = { ...plainLayout, depth: 4 }

const fileBytes = 2 << 20
const smallFiles = 20

/** A user's folder: one large file, some small ones. */
export function fillFolder(folder: string): void {
  writeFileSync(join(folder, 'large'), seededBytes(fileBytes, 1))
  for (let index = 0; index < smallFiles; index++)
    writeFileSync(join(folder, `small-${index}`), seededBytes(1000 + index, index + 2))
}

export function dataIn(folder: string, more: Partial<LegData> = {}): LegData {
  const paths = readdirSync(folder)
    .filter((name) => name.startsWith('small-'))
    .map((name) => join(folder, name))
  const file = join(folder, 'large')
  return {
    file,
    spanBytes: statSync(file).size,
    paths,
    scratchFolder: folder,
    cache: 'cached',
    ownFolder: null,
    ...more,
  }
}

export function orderIn(folder: string, more: Partial<LegOrder> = {}): LegOrder {
  return {
    api: 'rings',
    layout,
    workload: 'random-read',
    batch: 1,
    blockBytes: 4096,
    clients: 1,
    data: dataIn(folder),
    warmupSeconds: 0,
    windows: [{ seconds: 0.1, load: { kind: 'closed' }, depth: 4 }],
    untilFlat: false,
    ...more,
  }
}

/** Names, sizes and contents of everything in a folder. */
export function contentsOf(folder: string): Record<string, string> {
  return Object.fromEntries(
    readdirSync(folder).map((name) => [
      name,
      createHash('sha256')
        .update(readFileSync(join(folder, name)))
        .digest('hex'),
    ]),
  )
}
