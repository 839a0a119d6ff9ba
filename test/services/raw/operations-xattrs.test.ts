// Proves the four xattr operations against python's os.getxattr and os.setxattr: node:fs has none.
import { execFileSync } from 'node:child_process'
import * as fs from 'node:fs'
import { expect, it } from 'vitest'
import { op } from '../../../services/raw/index.ts'
import { seededBytes } from '../harness.ts'
import { describeFamily } from './conformance.ts'
import { errorCode } from './errors.ts'

const python = (script: string, ...args: string[]): string =>
  execFileSync('python3', ['-c', `import os, sys\n${script}`, ...args], { encoding: 'latin1' })

const attribute = (file: string, name: string): string =>
  python('sys.stdout.buffer.write(os.getxattr(sys.argv[1], sys.argv[2]))', file, name)

describeFamily('xattrs', (proves) => {
  proves('setxattr', 'sets what python finds', async ({ submit, code, path }) => {
    const file = path()
    fs.writeFileSync(file, '')
    const name = 'user.comment'
    expect(await submit(op.setxattr({ path: file, name, value: 'by path' }))).toBe(0)
    expect(attribute(file, name)).toBe('by path')
    expect(await code(op.setxattr({ path: file, name, value: '', flags: ['XATTR_CREATE'] }))).toBe('EEXIST')
    expect(await code(op.setxattr({ path: file, name: 'user.x', value: '', flags: ['XATTR_REPLACE'] }))).toBe('ENODATA')
    expect(await code(op.setxattr({ path: path(), name, value: '' }))).toBe('ENOENT')
    expect(await code(op.setxattr({ path: file, name: 'nonsense.x', value: '' }))).toBe('ENOTSUP')
  })

  proves('fsetxattr', 'sets what python finds', async ({ submit, code, path, own }) => {
    const file = path()
    const fd = own(fs.openSync(file, 'w'))
    const value = seededBytes(1000, 3)
    expect(await submit(op.fsetxattr({ fd, name: 'user.bytes', value }))).toBe(0)
    expect(attribute(file, 'user.bytes')).toBe(value.toString('latin1'))
    expect(await code(op.fsetxattr({ fd: 2 ** 30, name: 'user.bytes', value }))).toBe('EBADF')
    expect(await code(op.fsetxattr({ fd, name: '', value }))).toBe('ERANGE')
  })

  proves('getxattr', 'gets what python set', async ({ submit, code, path }) => {
    const file = path()
    fs.writeFileSync(file, '')
    python('os.setxattr(sys.argv[1], "user.set", b"by python")', file)
    expect((await submit(op.getxattr({ path: file, name: 'user.set' }))).toString()).toBe('by python')
    expect(await code(op.getxattr({ path: file, name: 'user.set', length: 3 }))).toBe('ERANGE')
    expect(await code(op.getxattr({ path: file, name: 'user.none' }))).toBe('ENODATA')
    await expect(submit(op.getxattr({ path: '/no/such', name: 'user.set' }))).rejects.toMatchObject({
      path: '/no/such',
    })
  })

  proves('fgetxattr', 'gets what python set', async ({ submit, code, path, own }) => {
    const file = path()
    const fd = own(fs.openSync(file, 'w'))
    python('os.setxattr(sys.argv[1], "user.empty", b"")', file)
    expect((await submit(op.fgetxattr({ fd, name: 'user.empty' }))).length).toBe(0)
    python('os.setxattr(sys.argv[1], "user.full", b"x" * 2000)', file)
    expect((await submit(op.fgetxattr({ fd, name: 'user.full' }))).toString()).toBe('x'.repeat(2000))
    expect(await code(op.fgetxattr({ fd, name: 'user.none' }))).toBe('ENODATA')
    expect(await code(op.fgetxattr({ fd: 2 ** 30, name: 'user.none' }))).toBe('EBADF')
  })
})

it('refuses misuse at once', () => {
  expect(errorCode(() => op.getxattr({ path: 'a', name: 'a\0' }))).toBe('ERR_INVALID_ARG_VALUE')
  expect(errorCode(() => op.getxattr({ path: 'a', name: 'a', length: 0 }))).toBe('ERR_OUT_OF_RANGE')
  expect(errorCode(() => Reflect.apply(op.fgetxattr, null, [{ fd: { direct: 1 }, name: 'a' }]))).toBe(
    'ERR_INVALID_ARG_TYPE',
  )
  expect(errorCode(() => Reflect.apply(op.setxattr, null, [{ path: 'a', name: 'a', value: 1 }]))).toBe(
    'ERR_INVALID_ARG_TYPE',
  )
})
