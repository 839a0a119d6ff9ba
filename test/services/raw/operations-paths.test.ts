// Proves openat, openat2 and statx against node:fs.
import * as fs from 'node:fs'
import { dirname, basename } from 'node:path'
import { expect, it } from 'vitest'
import { op } from '../../../services/raw/index.ts'
import { describeFamily } from './conformance.ts'
import { errorCode } from './errors.ts'

const closeOnExec = (fd: number): boolean =>
  (parseInt(/flags:\s+(\d+)/.exec(fs.readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'))![1]!, 8) & 0o2000000) !== 0

describeFamily('paths', (proves) => {
  proves('openat', 'opens what node:fs made, and makes what node:fs finds', async ({ submit, path, own }) => {
    const file = path()
    fs.writeFileSync(file, 'content')
    const fd = own(await submit(op.openat({ path: file })))
    expect(fs.readFileSync(fd, 'utf8')).toBe('content')
    expect(closeOnExec(fd)).toBe(true)
    expect(closeOnExec(own(await submit(op.openat({ path: Buffer.from(file), inherit: true }))))).toBe(false)
    const made = path()
    const flags = ['O_WRONLY', 'O_CREAT', 'O_EXCL'] as const
    fs.writeSync(own(await submit(op.openat({ path: made, flags, mode: 0o640 }))), 'made')
    expect(fs.readFileSync(made, 'utf8')).toBe('made')
    expect(fs.statSync(made).mode & 0o777).toBe(0o640 & ~process.umask())
    const numbers = fs.constants.O_RDWR | fs.constants.O_TRUNC
    own(await submit(op.openat({ path: made, flags: numbers })))
    expect(fs.statSync(made).size).toBe(0)
    const long = `${dirname(made)}/${'x'.repeat(255)}`
    own(await submit(op.openat({ path: long, flags: 'w' })))
    expect(fs.existsSync(long)).toBe(true)
  })

  proves('openat', 'begins at a directory, and says what the kernel says', async ({ submit, code, path, own }) => {
    const file = path()
    fs.writeFileSync(file, 'x')
    const dirFd = own(fs.openSync(dirname(file), 'r'))
    own(await submit(op.openat({ path: basename(file), dirFd })))
    expect(await code(op.openat({ path: path() }))).toBe('ENOENT')
    expect(await code(op.openat({ path: `${file}/below` }))).toBe('ENOTDIR')
    expect(await code(op.openat({ path: file, flags: 'wx' }))).toBe('EEXIST')
    expect(await code(op.openat({ path: 'relative', dirFd: 2 ** 30 }))).toBe('EBADF')
    expect(await code(op.openat({ path: 'n'.repeat(256) }))).toBe('ENAMETOOLONG')
    expect(await code(op.openat({ path: '' }))).toBe('ENOENT')
    await expect(submit(op.openat({ path: '/no/such' }))).rejects.toMatchObject({ path: '/no/such', syscall: 'open' })
  })

  proves('openat', 'opens direct descriptors, at a slot and at any', async ({ submit, code, path }) => {
    const file = path()
    fs.writeFileSync(file, 'direct')
    const buffer = Buffer.alloc(6)
    expect(await submit(op.openat({ path: file, direct: 20 }))).toEqual({ direct: 20 })
    expect(await submit(op.read({ fd: { direct: 20 }, buffer }))).toBe(6)
    const any = await submit(op.openat({ path: file, direct: 'allocate' }))
    expect(any.direct).not.toBe(20)
    buffer.fill(0)
    expect(await submit(op.read({ fd: any, buffer }))).toBe(6)
    expect(buffer.toString()).toBe('direct')
    await submit(op.close({ fd: any }))
    await submit(op.close({ fd: { direct: 20 } }))
    expect(await code(op.openat({ path: file, direct: 64 }))).toBe('ERR_OUT_OF_RANGE')
    expect(errorCode(() => op.openat({ path: file, direct: 65_536 }))).toBe('ERR_OUT_OF_RANGE')
    const table = await Promise.all(
      Array.from({ length: 64 }, () => submit(op.openat({ path: file, direct: 'allocate' }))),
    )
    expect(new Set(table.map(({ direct }) => direct)).size).toBe(64)
    expect(await code(op.openat({ path: file, direct: 'allocate' }))).toBe('ENFILE')
    await Promise.all(table.map((fd) => submit(op.close({ fd }))))
  })

  proves('openat2', 'keeps paths where they may lead', async ({ submit, code, path, own }) => {
    const directory = path()
    fs.mkdirSync(directory)
    fs.writeFileSync(`${directory}/inside`, 'in')
    fs.symlinkSync('/etc/passwd', `${directory}/out`)
    const dirFd = own(fs.openSync(directory, 'r'))
    const resolve = ['RESOLVE_BENEATH'] as const
    const fd = own(await submit(op.openat2({ dirFd, path: 'inside', resolve })))
    expect(fs.readFileSync(fd, 'utf8')).toBe('in')
    expect(closeOnExec(fd)).toBe(true)
    expect(await code(op.openat2({ dirFd, path: 'out', resolve }))).toBe('EXDEV')
    expect(await code(op.openat2({ dirFd, path: '../x', resolve }))).toBe('EXDEV')
    expect(await code(op.openat2({ dirFd, path: 'out', resolve: ['RESOLVE_NO_SYMLINKS'] }))).toBe('ELOOP')
    expect(await code(op.openat2({ dirFd, path: 'inside', resolve: 0x8000 }))).toBe('EINVAL')
    own(await submit(op.openat2({ dirFd, path: 'new', flags: 'w', mode: 0o600, resolve })))
    expect(fs.statSync(`${directory}/new`).mode & 0o777).toBe(0o600)
    const direct = await submit(op.openat2({ dirFd, path: 'inside', direct: 'allocate' }))
    expect(await submit(op.read({ fd: direct, buffer: Buffer.alloc(9) }))).toBe(2)
    await submit(op.close({ fd: direct }))
  })

  proves('statx', 'gives what fs.stat gives', async ({ submit, code, path, own }) => {
    const file = path()
    fs.writeFileSync(file, 'some bytes')
    const link = path()
    fs.symlinkSync(file, link)
    expect(await submit(op.statx({ path: file }))).toEqual(fs.statSync(file))
    expect(await submit(op.statx({ path: file, bigint: true }))).toEqual(fs.statSync(file, { bigint: true }))
    expect(await submit(op.statx({ path: link, flags: ['AT_SYMLINK_NOFOLLOW'] }))).toEqual(fs.lstatSync(link))
    const dirFd = own(fs.openSync(file, 'r'))
    expect(await submit(op.statx({ path: '', dirFd, flags: ['AT_EMPTY_PATH', 'AT_STATX_DONT_SYNC'] }))).toEqual(
      fs.fstatSync(dirFd),
    )
    expect(await code(op.statx({ path: path() }))).toBe('ENOENT')
    expect(await code(op.statx({ path: '', dirFd: 2 ** 30, flags: ['AT_EMPTY_PATH'] }))).toBe('EBADF')
    expect(await code(op.statx({ path: file, flags: 0x40000000 }))).toBe('EINVAL')
  })
})

it('refuses misuse at once', () => {
  expect(errorCode(() => op.openat({ path: 'a\0b' }))).toBe('ERR_INVALID_ARG_VALUE')
  expect(errorCode(() => op.openat({ path: 'a', flags: 'rw' }))).toBe('ERR_INVALID_ARG_VALUE')
  expect(errorCode(() => op.openat({ path: 'a', mode: '9' }))).toBe('ERR_INVALID_ARG_VALUE')
  expect(errorCode(() => op.openat({ path: 'a', direct: -1 }))).toBe('ERR_OUT_OF_RANGE')
  expect(errorCode(() => Reflect.apply(op.openat, null, [{ path: 1 }]))).toBe('ERR_INVALID_ARG_TYPE')
  expect(errorCode(() => Reflect.apply(op.openat, null, [{ path: 'a', flags: ['O_RDONL'] }]))).toBe(
    'ERR_INVALID_ARG_VALUE',
  )
  expect(errorCode(() => Reflect.apply(op.openat, null, [{ path: 'a', direct: 'any' }]))).toBe('ERR_INVALID_ARG_TYPE')
  expect(errorCode(() => op.statx({ path: 'a', dirFd: -101 }))).toBe('ERR_OUT_OF_RANGE')
})
