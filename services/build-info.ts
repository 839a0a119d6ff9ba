// What runs, for the metrics: read once, and only where somebody registers them. Used by register-pool.ts and the daemon.
import { release } from 'node:os'
import type { BuildReading } from '../metrics/catalog/build.ts'
import type { Subject } from '../metrics/plane.ts'
import { readVersion } from './cli/version.ts'

let build: BuildReading | null = null

/** The same function for all: a registry reads it once. */
export function buildSubjects(): [Subject<BuildReading>] {
  build ??= { version: readVersion(), node: process.versions.node, kernel: release() }
  return [{ labels: [], reading: build }]
}
