// An admin server for programs that use the library: the live page, /metrics, and what `ringmaster top` and `ringmaster trace` ask. Exported by
// index.ts; what it does is in admin-server.ts, loaded when it is asked for, since most programs have none.
import type { Registry } from 'prom-client'
import type { Ringmaster } from './ringmaster.ts'

export interface AdminOptions {
  /** Default 127.0.0.1. */
  readonly host?: string
  /** Default 9464, where `ringmaster top` looks; 0 takes a free one, and `url` says which. */
  readonly port?: number
  /** Allows addresses that other machines can reach: there is no password. Default false. */
  readonly public?: boolean
  /** What /metrics tells. Default: a registry of its own with these rings and the process. */
  readonly registry?: Registry
}

export interface Admin extends AsyncDisposable {
  /** Without a trailing slash: http://127.0.0.1:9464 */
  readonly url: string
  /** Ends connections, too. Safe to repeat. Close it before the rings. */
  close(): Promise<void>
}

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
