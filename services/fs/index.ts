// The public surface of `ringmaster/fs`: node:fs/promises, on rings. Its exports are Node's, and createFs(), useRings() and closeRings() beside them.
import type { Ringmaster } from '../ringmaster.ts'
import type { RingView } from '../view.ts'
import { DefaultRings, underPermissionModel } from './default-rings.ts'
import { makeFs } from './make-fs.ts'
import type { Own, OwnPromises } from './own.ts'
import { Route } from './route.ts'

const defaults = new DefaultRings()
const fs: OwnPromises = makeFs(defaults.route)
export default fs

/** All of node:fs/promises on these rings. They are the caller's to close; files stay usable then, by Node's own ways. */
export function createFs(rings: Ringmaster | RingView): OwnPromises {
  const route = new Route()
  if (!underPermissionModel()) route.use(rings.router)
  return makeFs(route)
}

/** Has the module's own functions use these rings, instead of starting some at their first call; null: none, everything is Node's to do. */
export function useRings(rings: Ringmaster | RingView | null): void {
  defaults.use(rings)
}

/**
 * Resolves when the module's own functions use rings, with the Ringmaster; with null where they cannot or are not to. Nobody has to call this: until
 * then they are Node's own. The rings do not keep the process alive.
 */
export function startRings(): Promise<Ringmaster | null> {
  return defaults.start()
}

/** Closes the rings that the module has started. Whatever is called from now on is Node's to do; open files stay open. Safe to repeat. */
export function closeRings(): Promise<void> {
  return defaults.close()
}

// What this Node does not have is undefined, as a property of node:fs/promises would be.
const exported = <Name extends string>(name: Name): Own<Name> => Reflect.get(fs, name)

export const access: Own<'access'> = exported('access')
export const appendFile: Own<'appendFile'> = exported('appendFile')
export const chmod: Own<'chmod'> = exported('chmod')
export const chown: Own<'chown'> = exported('chown')
export const constants: Own<'constants'> = exported('constants')
export const copyFile: Own<'copyFile'> = exported('copyFile')
export const cp: Own<'cp'> = exported('cp')
export const glob: Own<'glob'> = exported('glob')
export const lchmod: Own<'lchmod'> = exported('lchmod')
export const lchown: Own<'lchown'> = exported('lchown')
export const link: Own<'link'> = exported('link')
export const lstat: Own<'lstat'> = exported('lstat')
export const lutimes: Own<'lutimes'> = exported('lutimes')
export const mkdir: Own<'mkdir'> = exported('mkdir')
export const mkdtemp: Own<'mkdtemp'> = exported('mkdtemp')
export const mkdtempDisposable: Own<'mkdtempDisposable'> = exported('mkdtempDisposable')
export const open: Own<'open'> = exported('open')
export const opendir: Own<'opendir'> = exported('opendir')
export const readFile: Own<'readFile'> = exported('readFile')
export const readdir: Own<'readdir'> = exported('readdir')
export const readlink: Own<'readlink'> = exported('readlink')
export const realpath: Own<'realpath'> = exported('realpath')
export const rename: Own<'rename'> = exported('rename')
export const rm: Own<'rm'> = exported('rm')
export const rmdir: Own<'rmdir'> = exported('rmdir')
export const stat: Own<'stat'> = exported('stat')
export const statfs: Own<'statfs'> = exported('statfs')
export const symlink: Own<'symlink'> = exported('symlink')
export const truncate: Own<'truncate'> = exported('truncate')
export const unlink: Own<'unlink'> = exported('unlink')
export const utimes: Own<'utimes'> = exported('utimes')
export const watch: Own<'watch'> = exported('watch')
export const writeFile: Own<'writeFile'> = exported('writeFile')
