// The words of openAdmin(): what may be said, and what one gets. Apart from admin.ts, which loads admin-server.ts on demand.
import type { Registry } from 'prom-client'

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
