// Chooses who serves the files of `ringmaster serve`: the blob service inside the ring workers, or, where rings cannot be had, node:http in the
// main thread, which only reads. Called by file-daemon.ts.
import { codeOf } from '../http/http-error.ts'
import type { FilePlane, FilePlaneOptions } from './file-plane.ts'
import { PlainFiles } from './plain-files.ts'
import { RingFiles } from './ring-files.ts'

/** What says that there is no ring for the blob service, whoever finds it out. */
const withoutRings: readonly (string | undefined)[] = ['ERR_RING_OPERATION_UNSUPPORTED', 'ERR_RING_UNAVAILABLE']

/** @throws (rejects) as listening does, with CommandError for ROOT */
export async function startFiles(options: FilePlaneOptions): Promise<FilePlane> {
  const without = options.rings.stats().rings.find(({ poller }) => poller === 'threadpool')
  if (without !== undefined) return startPlain(options, `ring ${without.ring} has poller threadpool`)
  return RingFiles.start(options).catch((error: unknown) => {
    if (!(error instanceof Error) || !withoutRings.includes(codeOf(error))) throw error
    return startPlain(options, error.message)
  })
}

async function startPlain(options: FilePlaneOptions, reason: string): Promise<FilePlane> {
  const files = await PlainFiles.start(options, reason)
  options.log.warn({ reason }, files.shortcoming)
  return files
}
