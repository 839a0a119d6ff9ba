// The rings of the module's own functions: started when they are first called, by nobody waited for, and nothing that keeps a process alive. Used by
// index.ts.
import type { Ringmaster } from '../ringmaster.ts'
import { Route } from './route.ts'

type Using = Pick<Ringmaster, 'router'>

/** The route of the module's functions, which begins with Node's own implementation. */
export class DefaultRings {
  readonly route: Route
  private starting: Promise<Ringmaster | null> | null = null
  private chosen = false

  constructor() {
    this.route = new Route(() => (this.chosen ? Promise.resolve() : this.start()))
  }

  /** Rings of the program's instead; null: none, for good. */
  use(rings: Using | null): void {
    this.chosen = true
    this.route.use(rings === null || underPermissionModel() ? null : rings.router)
  }

  /** Resolves when the rings are there; with null where there are none, and Node does everything. */
  start(): Promise<Ringmaster | null> {
    this.starting ??= this.startOnce()
    return this.starting
  }

  private async startOnce(): Promise<Ringmaster | null> {
    if (underPermissionModel()) {
      this.chosen = true
      return null
    }
    try {
      // Only now: who imports this and calls nothing loads none of it.
      const { Ringmaster } = await import('../ringmaster.ts')
      const rings = await Ringmaster.start({ name: 'fs' })
      if (this.chosen) {
        await rings.close()
        return null
      }
      this.route.use(rings.router)
      return rings
    } catch {
      this.chosen = true // whatever it was, files can be read without
      return null
    }
  }

  /** Closes what start() has started; what is called from now on is Node's to do. Open files stay open. */
  async close(): Promise<void> {
    this.chosen = true
    this.route.use(null)
    const rings = await this.starting
    await rings?.close()
  }
}

/** Rings read and write what the process may, whatever `--allow-fs-read` says: there only Node asks the rules. */
export const underPermissionModel = (): boolean => Reflect.get(process, 'permission') !== undefined
