// A blob service with limits, in two ring workers, and what is really there. Used by the tests of services/blob/room.
import { mkdirSync, readdirSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Registry } from 'prom-client'
import { BlobService } from '../../../services/blob/service.ts'
import type { BlobServiceOptions } from '../../../services/blob/service.ts'
import { Ringmaster } from '../../../services/ringmaster.ts'

export const kib = 1024

export interface Limited extends AsyncDisposable {
  readonly service: BlobService
  readonly port: number
  /** Of the quota of a folder; '/' is the root's. */
  metric(name: string, folder?: string): Promise<number>
}

export async function startLimited(root: string, more: Partial<BlobServiceOptions>, ringsWanted = 2): Promise<Limited> {
  const rings = await Ringmaster.start({ rings: ringsWanted })
  const ignored = (): void => undefined
  const service = await BlobService.start({
    ...{ rings, root, host: '127.0.0.1', port: 0 },
    log: { debug: ignored, info: ignored, warn: ignored, error: ignored },
    durability: 'none',
    ...more,
  })
  const registry = new Registry()
  service.register(registry)
  return {
    service,
    port: service.address.port,
    metric: async (name, folder = '/') => {
      const found = (await registry.getMetricsAsJSON()).find((metric) => metric.name === name)
      return found?.values.find(({ labels }) => labels['folder'] === folder)?.value ?? Number.NaN
    },
    [Symbol.asyncDispose]: async () => {
      await service.drain(0)
      await rings.close()
    },
  }
}

/** Names of all files, sorted. */
export const filesIn = (root: string): string[] =>
  readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
    .sort()

/** In blocks of 4 KiB. */
export const storedBytes = (root: string): number =>
  filesIn(root).reduce((sum, name) => sum + Math.ceil(sizeNow(join(root, name)) / 4096) * 4096, 0)

function sizeNow(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0 // evicted meanwhile
}

/** A file that was written, and read for the last time, so long ago. */
export function oldFile(root: string, name: string, bytes: Buffer, daysAgo: number): void {
  const path = join(root, name)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, bytes)
  const when = Date.now() / 1000 - daysAgo * 86_400
  utimesSync(path, when, when)
}
