// Goes through a root once, in the background, when the service starts: temporary files that nobody writes any more are removed, and what is
// stored is counted where that has limits. Started by service.ts, in its thread: requests are other threads' work.
import { unlink } from 'node:fs/promises'
import { codeOf } from '../http/http-error.ts'
import type { ServiceLog } from '../http/exchange.ts'
import { isLeftOver, isTemporaryName } from './temporary-files.ts'
import { walkTree } from './tree-walk.ts'
import type { Found } from './tree-walk.ts'

/** Lines about what could not be looked at; the rest is only counted. */
const errorLinesMax = 5

export class Keeper {
  private readonly root: string
  private readonly log: ServiceLog
  private readonly onObject: (found: Found) => void
  private readonly stopper = new AbortController()
  private removed = 0
  private errors = 0
  /** Resolves when the root has been gone through, or that was stopped. Never rejects. */
  readonly done: Promise<void>

  constructor(root: string, log: ServiceLog, onObject: (found: Found) => void = () => undefined) {
    this.root = root
    this.log = log
    this.onObject = onObject
    this.done = this.run().catch((error: unknown) => {
      log.warn({ err: error }, 'looking for temporary files failed')
    })
  }

  private async run(): Promise<void> {
    let files = 0
    const onError = this.complain.bind(this)
    for await (const found of walkTree(this.root, { signal: this.stopper.signal, onError })) {
      files++
      if (isTemporaryName(found.name)) await this.removeIfLeft(found)
      else this.onObject(found)
    }
    const { removed, errors } = this
    const level = removed > 0 || errors > 0 ? 'info' : 'debug'
    this.log[level]({ files, removed, errors }, 'the root has been looked through for temporary files of a crash')
  }

  private async removeIfLeft({ path, place, stats }: Found): Promise<void> {
    try {
      const changedMs = Math.max(Number(stats.mtimeMs), Number(stats.ctimeMs))
      if (!isLeftOver(place, changedMs, Date.now())) return
      await unlink(place)
      this.removed++
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') this.complain(path, error) // its writer was done with it
    }
  }

  private complain(path: string, error: unknown): void {
    if (++this.errors <= errorLinesMax) this.log.warn({ path, code: codeOf(error) }, 'could not be looked at')
  }

  async stop(): Promise<void> {
    this.stopper.abort()
    await this.done
  }
}
