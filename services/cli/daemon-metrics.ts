// Everything that /metrics of the daemon has: rings, HTTP, probes, storage, and the process itself. Used by file-daemon.ts.
import { stat, statfs } from 'node:fs/promises'
import { Registry, collectDefaultMetrics } from 'prom-client'
import { daemonPlane } from '../../metrics/catalog/daemon.ts'
import { storagePlane, type StorageReading } from '../../metrics/catalog/storage.ts'
import { registerPlane } from '../../metrics/exporter.ts'
import type { Subject } from '../../metrics/plane.ts'
import type { Ringmaster } from '../ringmaster.ts'
import type { FilePlane } from './file-plane.ts'
import type { Probes } from './probes.ts'
import { isReadOnly } from './read-only-mount.ts'

export interface DaemonMetricsOptions {
  readonly rings: Ringmaster
  readonly files: FilePlane
  readonly probes: Probes
  /** The folder that is served. */
  readonly root: string
}

export function daemonMetrics({ rings, files, probes, root }: DaemonMetricsOptions): Registry {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  rings.register(registry)
  files.register(registry)
  registerPlane(registry, daemonPlane, () => [
    { labels: [], reading: { ready: probes.ready().ok, live: probes.live().ok } },
  ])
  registerPlane(registry, storagePlane, storageOf(root))
  return registry
}

/**
 * Asking a file system may take for ever (a server that is gone), and nobody who scrapes is to wait for it: each scrape gets what the one
 * before has asked for.
 */
function storageOf(root: string): () => Iterable<Subject<StorageReading>> {
  let last: StorageReading | null = null
  let asking = false
  const ask = (): void => {
    if (asking) return
    asking = true
    const read = async (): Promise<StorageReading> => {
      const found = await statfs(root)
      return readingOf(found, await isReadOnly((await stat(root)).dev))
    }
    void read()
      .catch(() => null)
      .then((found) => {
        asking = false
        last = found
      })
  }
  ask()
  return () => {
    ask()
    return last === null ? [] : [{ labels: [root], reading: last }]
  }
}

const readingOf = (
  { bsize, blocks, bavail, files, ffree }: Record<StatFsField, number>,
  readOnly: boolean,
): StorageReading => ({
  sizeBytes: bsize * blocks,
  availableBytes: bsize * bavail,
  inodes: files,
  inodesAvailable: ffree,
  readOnly,
})

type StatFsField = 'bsize' | 'blocks' | 'bavail' | 'files' | 'ffree'
