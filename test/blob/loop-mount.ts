// A small file system of its own, in a file: for tests that fill one up, or take its power away. Needs root and a loop device.
import { execFileSync } from 'node:child_process'
import { mkdirSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export type FileSystem = 'ext4' | 'xfs' | 'btrfs'

const fileSystems: Readonly<
  Record<FileSystem, { readonly make: readonly [string, ...string[]]; readonly sizeBytesMin: number }>
> = {
  ext4: { make: ['mkfs.ext4', '-q', '-F'], sizeBytesMin: 4 * 2 ** 20 },
  xfs: { make: ['mkfs.xfs', '-q', '-f'], sizeBytesMin: 300 * 2 ** 20 },
  btrfs: { make: ['mkfs.btrfs', '-q', '-f'], sizeBytesMin: 128 * 2 ** 20 },
}

export interface Mounted extends Disposable {
  readonly path: string
  /** What was written is not to be found by this any more. */
  unmount(): void
  mount(): void
}

const run = (command: string, ...parameters: readonly string[]): string =>
  execFileSync(command, parameters, { stdio: ['ignore', 'pipe', 'pipe'], encoding: 'utf8' })

/** @throws where this may not be done, or there is no such mkfs */
export function loopMount(
  folder: string,
  kind: FileSystem,
  sizeBytes: number = fileSystems[kind].sizeBytesMin,
): Mounted {
  const image = join(folder, `${kind}.image`)
  const path = join(folder, kind)
  writeFileSync(image, '')
  truncateSync(image, sizeBytes)
  const [command, ...parameters] = fileSystems[kind].make
  run(command, ...parameters, image)
  mkdirSync(path)
  let isMounted = false
  const mount = (): void => {
    run('mount', '-o', 'loop', image, path)
    isMounted = true
  }
  const unmount = (): void => {
    run('umount', path)
    isMounted = false
  }
  mount()
  return {
    path,
    mount,
    unmount,
    [Symbol.dispose]: () => {
      if (isMounted) unmount()
    },
  }
}

/** Whether such a file system can be mounted here. */
export function canLoopMount(folder: string, kind: FileSystem): boolean {
  try {
    const trial = join(folder, `trial-${kind}`)
    mkdirSync(trial)
    using _ = loopMount(trial, kind)
    return true
  } catch {
    return false
  }
}
