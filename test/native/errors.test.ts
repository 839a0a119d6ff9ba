// Errors look as Node's own do. The oracle is Node: the same failure, or the same mistake, made with node:fs.
import fs from 'node:fs'
import { constants } from 'node:os'
import { describe, expect, test } from 'vitest'
import {
  RingError,
  RingUnavailableError,
  abortError,
  errnoName,
  invalidArgType,
  invalidArgValue,
  kernelError,
  outOfRange,
  ringErrors,
} from '../../native/errors.ts'

function thrownBy(action: () => void): Error {
  try {
    action()
  } catch (error) {
    return error as Error
  }
  throw new Error('nothing was thrown')
}

const shape = (error: Error): Record<string, unknown> => ({
  ...Object.fromEntries(Object.entries(error)),
  message: error.message,
  text: String(error),
})

describe('kernelError()', () => {
  test.each([
    ['with a path', -2, 'open', '/nowhere/file', undefined, () => fs.openSync('/nowhere/file', 'r')],
    ['with two', -2, 'rename', '/nowhere/a', '/nowhere/b', () => fs.renameSync('/nowhere/a', '/nowhere/b')],
    ['with none', -9, 'fsync', undefined, undefined, () => fs.fsyncSync(1_000_000)],
    ['of a directory', -21, 'read', undefined, undefined, () => fs.readSync(directory, Buffer.alloc(1))],
  ] as [string, number, string, string | undefined, string | undefined, () => void][])(
    '%s is what node:fs throws',
    (_, errno, syscall, path, dest, action) => {
      expect(shape(kernelError(errno, syscall, path, dest))).toEqual(shape(thrownBy(action)))
    },
  )
  const directory = fs.openSync('/', 'r')

  test('an errno that libuv does not know keeps its number', () => {
    expect(shape(kernelError(-131, 'read'))).toMatchObject({
      code: 'E131',
      errno: -131,
      message: 'E131: unknown error, read',
    })
  })
})

describe('errnoName()', () => {
  test('names every errno of node:os, in either sign', () => {
    const names = Object.entries(constants.errno).filter(
      ([name]) => errnoName(constants.errno[name as 'EPERM']) !== name,
    )
    // Aliases, and names that libuv does not have.
    for (const [name, errno] of names) expect(`${name} ${errnoName(errno)}`).toMatch(/ E([A-Z]+|\d+)$/)
    for (const name of ['EPERM', 'ENOENT', 'EINVAL', 'EMFILE', 'ENOMEM', 'ECANCELED'] as const) {
      expect([errnoName(constants.errno[name]), errnoName(-constants.errno[name])]).toEqual([name, name])
    }
  })
})

describe('errors of misuse', () => {
  test.each([1, 'text', 'x'.repeat(40), null, undefined, {}, [], new Date(), () => 1, Symbol('s'), true])(
    'ERR_INVALID_ARG_TYPE of %s reads as Node’s',
    (value) => {
      const given = value === 1 ? '1' : value
      const theirs = thrownBy(() => {
        Reflect.apply(Buffer.alloc.bind(Buffer), Buffer, [given])
      })
      const ours = invalidArgType('size', 'of type number', given)
      expect(ours).toBeInstanceOf(TypeError)
      expect(Reflect.get(ours, 'code')).toBe('ERR_INVALID_ARG_TYPE')
      expect(ours.message).toBe(theirs.message)
    },
  )

  test('ERR_INVALID_ARG_VALUE reads as Node’s', () => {
    const theirs = thrownBy(() => fs.openSync('a\0b', 'r'))
    const ours = invalidArgValue('path', 'a\0b', 'must be a string, Uint8Array, or URL without null bytes')
    expect(ours).toBeInstanceOf(TypeError)
    expect(Reflect.get(ours, 'code')).toBe(Reflect.get(theirs, 'code'))
    expect(ours.message.split('. ')[0]).toBe(theirs.message.split('. ')[0])
  })

  test('ERR_OUT_OF_RANGE reads as Node’s', () => {
    const theirs = thrownBy(() => Buffer.alloc(8).readInt8(9))
    const ours = outOfRange('offset', '>= 0 and <= 7', 9)
    expect(ours).toBeInstanceOf(RangeError)
    expect(Reflect.get(ours, 'code')).toBe('ERR_OUT_OF_RANGE')
    expect(ours.message).toBe(theirs.message)
  })
})

describe('our own errors', () => {
  test('carry a code, say what to do, and print as Node’s own do', () => {
    const error = ringErrors.backlogFull(7)
    expect(error).toBeInstanceOf(RingError)
    expect(error.code).toBe('ERR_RING_BACKLOG_FULL')
    expect(error.message).toContain('backlogMax')
    expect(error.name).toBe('RingError')
  })

  test('keep the cause of a loss', () => {
    const cause = new Error('why')
    expect(ringErrors.lost(cause)).toMatchObject({ code: 'ERR_RING_LOST', cause })
    expect(ringErrors.workerLost(cause)).toMatchObject({ code: 'ERR_RING_WORKER_LOST', cause })
  })

  test('name the reason why io_uring is not available', () => {
    expect(new RingUnavailableError('seccomp', 'denied')).toMatchObject({
      code: 'ERR_RING_UNAVAILABLE',
      reason: 'seccomp',
      message: 'io_uring is not available: denied',
    })
  })

  test('an operation on a closed file is EBADF, as in node:fs', () => {
    expect(shape(ringErrors.fileClosed('read'))).toMatchObject({ code: 'EBADF', errno: -9, syscall: 'read' })
  })

  test('an abort is an AbortError with the signal’s reason as its cause', () => {
    const reason = new Error('because')
    const error = abortError(AbortSignal.abort(reason))
    expect(error).toMatchObject({ name: 'AbortError', code: 'ABORT_ERR', cause: reason })
  })
})
