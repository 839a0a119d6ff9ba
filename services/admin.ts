// An admin server for programs that use the library: the live page, /metrics, and what `ringmaster top` and `ringmaster trace` ask. Exported by
// index.ts; what it does is in admin-server.ts, loaded when it is asked for, since most programs have none.
import type { Admin, AdminOptions } from './admin-options.ts'
import type { Ringmaster } from './ringmaster.ts'

/**
 * Serves the live page at `/`, `/metrics`, `/livez`, `/readyz` and `/trace` of these rings; nothing is changed through it, and nothing is read while
 * nobody asks. It keeps the process alive until it is closed.
 * @throws TypeError (ERR_INVALID_ARG_VALUE) where other machines could reach the address and `public` is not set; Node's own error where it cannot be
 * listened on
 */
export async function openAdmin(rings: Ringmaster, options: AdminOptions = {}): Promise<Admin> {
  const { startRingAdmin } = await import('./admin-server.ts')
  return startRingAdmin(rings, options)
}
