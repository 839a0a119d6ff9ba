// Proves renameat, unlinkat, mkdirat, symlinkat and linkat against node:fs.
import * as fs from 'node:fs'
import { basename, dirname } from 'node:path'
import { expect, it } from 'vitest'
import { op } from '../../../services/raw/index.ts'
import { describeFamily } from './conformance.ts'
import { errorCode } from './errors.ts'

describeFamily('links', (proves) => {
  proves('renameat', 'moves, refuses to replace, exchanges', async ({ submit, code, path, own }) => {
    const [one, two] = [path(), path()]
    fs.writeFileSync(one, 'one')
    fs.writeFileSync(two, 'two')
    const flags = ['RENAME_NOREPLACE'] as const
    expect(await code(op.renameat({ oldPath: one, newPath: two, flags }))).toBe('EEXIST')
    expect(await submit(op.renameat({ oldPath: one, newPath: two, flags: ['RENAME_EXCHANGE'] }))).toBe(0)
    expect(fs.readFileSync(one, 'utf8')).toBe('two')
    const dirFd = own(fs.openSync(dirname(one), 'r'))
    const [oldPath, newPath] = [basename(one), 'renamed']
    expect(await submit(op.renameat({ oldDirFd: dirFd, oldPath, newDirFd: dirFd, newPath }))).toBe(0)
    expect(fs.existsSync(one)).toBe(false)
    expect(fs.readFileSync(`${dirname(one)}/renamed`, 'utf8')).toBe('two')
    expect(await code(op.renameat({ oldPath: one, newPath: two }))).toBe('ENOENT')
    expect(await code(op.renameat({ oldPath: two, newPath: `/proc/${basename(two)}` }))).toBe('EXDEV')
    expect(await code(op.renameat({ oldPath: two, newPath: one, flags: 0x100 }))).toBe('EINVAL')
  })

  proves('unlinkat', 'removes files, and directories when told so', async ({ submit, code, path, own }) => {
    const file = path()
    fs.writeFileSync(file, '')
    const directory = path()
    fs.mkdirSync(directory)
    expect(await submit(op.unlinkat({ path: file }))).toBe(0)
    expect(fs.existsSync(file)).toBe(false)
    expect(await code(op.unlinkat({ path: file }))).toBe('ENOENT')
    expect(await code(op.unlinkat({ path: directory }))).toBe('EISDIR')
    fs.writeFileSync(`${directory}/x`, '')
    expect(await code(op.unlinkat({ path: directory, flags: ['AT_REMOVEDIR'] }))).toBe('ENOTEMPTY')
    const dirFd = own(fs.openSync(directory, 'r'))
    expect(await submit(op.unlinkat({ path: 'x', dirFd }))).toBe(0)
    expect(await submit(op.unlinkat({ path: directory, flags: ['AT_REMOVEDIR'] }))).toBe(0)
    expect(fs.existsSync(directory)).toBe(false)
    await expect(submit(op.unlinkat({ path: directory }))).rejects.toMatchObject({ path: directory, syscall: 'unlink' })
  })

  proves('mkdirat', 'makes directories with a mode', async ({ submit, code, path }) => {
    const directory = path()
    expect(await submit(op.mkdirat({ path: directory, mode: 0o750 }))).toBe(0)
    expect(fs.statSync(directory).isDirectory()).toBe(true)
    expect(fs.statSync(directory).mode & 0o777).toBe(0o750 & ~process.umask())
    expect(await code(op.mkdirat({ path: directory }))).toBe('EEXIST')
    expect(await code(op.mkdirat({ path: `${path()}/below` }))).toBe('ENOENT')
  })

  proves('symlinkat', 'makes links that say what they were told', async ({ submit, code, path }) => {
    const link = path()
    expect(await submit(op.symlinkat({ path: link, target: 'to nowhere' }))).toBe(0)
    expect(fs.readlinkSync(link)).toBe('to nowhere')
    expect(await code(op.symlinkat({ path: link, target: 'x' }))).toBe('EEXIST')
    expect(await code(op.symlinkat({ path: path(), target: '' }))).toBe('ENOENT')
  })

  proves('linkat', 'gives files another name, and follows links when told so', async ({ submit, code, path, own }) => {
    const [file, link] = [path(), path()]
    fs.writeFileSync(file, 'linked')
    fs.symlinkSync(file, link)
    const [plain, followed, byFd] = [path(), path(), path()]
    expect(await submit(op.linkat({ oldPath: link, newPath: plain }))).toBe(0)
    expect(fs.lstatSync(plain).isSymbolicLink()).toBe(true)
    expect(await submit(op.linkat({ oldPath: link, newPath: followed, flags: ['AT_SYMLINK_FOLLOW'] }))).toBe(0)
    expect(fs.statSync(followed).ino).toBe(fs.statSync(file).ino)
    expect(fs.statSync(file).nlink).toBe(2)
    const oldDirFd = own(fs.openSync(file, 'r'))
    expect(await submit(op.linkat({ oldPath: '', oldDirFd, newPath: byFd, flags: ['AT_EMPTY_PATH'] }))).toBe(0)
    expect(fs.statSync(file).nlink).toBe(3)
    expect(await code(op.linkat({ oldPath: file, newPath: byFd }))).toBe('EEXIST')
    expect(await code(op.linkat({ oldPath: dirname(file), newPath: path() }))).toBe('EPERM')
  })
})

it('refuses misuse at once', () => {
  expect(errorCode(() => op.renameat({ oldPath: 'a', newPath: 'b\0' }))).toBe('ERR_INVALID_ARG_VALUE')
  expect(errorCode(() => op.mkdirat({ path: 'a', mode: -1 }))).toBe('ERR_OUT_OF_RANGE')
  expect(errorCode(() => Reflect.apply(op.unlinkat, null, [{ path: 'a', flags: ['AT_REMOVE'] }]))).toBe(
    'ERR_INVALID_ARG_VALUE',
  )
  expect(errorCode(() => Reflect.apply(op.symlinkat, null, [{ path: 'a' }]))).toBe('ERR_INVALID_ARG_TYPE')
  expect(errorCode(() => Reflect.apply(op.linkat, null, [{ oldPath: 'a', newPath: {} }]))).toBe('ERR_INVALID_ARG_TYPE')
})
