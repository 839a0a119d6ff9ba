// Before any test: the addon is that of the sources as they are, so that no test passes on an old binary. Says nothing if it is.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** What native/build-addon.mjs exits with where no compiler is: the tests then run what works without the addon. */
const cannotCompileHere = 2

export default function setup(): void {
  if (process.env['RINGMASTER_ADDON'] !== undefined) return
  const script = fileURLToPath(new URL('../../native/build-addon.mjs', import.meta.url))
  const { status, stderr } = spawnSync(process.execPath, [script, '--quiet'], { encoding: 'utf8' })
  if (status !== 0 && status !== cannotCompileHere) throw new Error(stderr)
}
