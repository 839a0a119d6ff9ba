// Every option: its default, its limits, and an error that names it when it is wrong.
import { describe, expect, it } from 'vitest'
import { resolveOptions } from '../../services/options.ts'
import { Ringmaster } from '../../services/ringmaster.ts'
import { callLoosely, failure, fieldOf } from './harness.ts'

const caught = (options: unknown): unknown => {
  try {
    return resolveOptions(options)
  } catch (error) {
    return error
  }
}

it('have defaults', () => {
  expect(resolveOptions({})).toEqual({
    name: '',
    rings: 'auto',
    fallback: true,
    clientsMax: 8,
    sqThreads: 'own',
    poller: 'auto',
    sqEntries: 1024,
    cqEntries: 4096,
    backlogMax: 16384,
    memory: 'auto',
    sqThreadIdleMs: 50,
    sqThreadCpu: undefined,
    pinCpus: 'auto',
    spinNs: 'auto',
    adviceIntervalMs: 10_000,
    adapt: false,
    onAdvice: undefined,
    heartbeatTimeoutMs: 10_000,
    retryIdempotent: true,
    onWorker: undefined,
    directDescriptors: 256,
    rawDirectDescriptors: undefined,
    closeGraceMs: 1000,
    closeDeadlineMs: 5000,
  })
})

it.each(['fallback', 'retryIdempotent'])('%s is true or false, and nothing like it', (name) => {
  for (const value of [0, 1, NaN, 'true', null]) {
    const error = caught({ [name]: value })
    expect(error).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' })
    expect(fieldOf(error, 'message')).toContain(`"options.${name}" argument must be of type boolean`)
  }
})

it('that are undefined have their defaults too', () => {
  const names = Object.keys(resolveOptions({}))
  expect(resolveOptions(Object.fromEntries(names.map((name) => [name, undefined])))).toEqual(resolveOptions({}))
})

it.each([
  ['rings', 1, 64],
  ['sqEntries', 8, 32768],
  ['backlogMax', 0, 1_000_000],
  ['sqThreadIdleMs', 1, 60_000],
  ['sqThreadCpu', 0, 8191],
  ['spinNs', 0, 10_000_000],
  ['adviceIntervalMs', 0, 3_600_000],
  ['directDescriptors', 0, 4096],
  ['rawDirectDescriptors', 1, 65_536],
  ['closeGraceMs', 0, 3_600_000],
  ['closeDeadlineMs', 0, 3_600_000],
])('%s goes from %d to %d and no further', (name, min, max) => {
  for (const value of [min, max]) expect(resolveOptions({ [name]: value })).toMatchObject({ [name]: value })
  for (const value of [min - 1, max + 1, 1.5, NaN, Infinity, -Infinity]) {
    const error = caught({ [name]: value })
    expect(error).toBeInstanceOf(RangeError)
    expect(error).toMatchObject({
      code: 'ERR_OUT_OF_RANGE',
      message: expect.stringContaining(`options.${name}`) as string,
    })
  }
  for (const value of ['8', null, {}, [], true, 8n]) {
    const error = caught({ [name]: value })
    expect(error).toMatchObject({
      code: expect.stringMatching(/^ERR_INVALID_ARG_(TYPE|VALUE)$/) as string,
      message: expect.stringContaining(`options.${name}`) as string,
    })
  }
})

describe('cqEntries', () => {
  it('is four times sqEntries, at least 128 and at most 65536', () => {
    expect(resolveOptions({ sqEntries: 8 }).cqEntries).toBe(128)
    expect(resolveOptions({ sqEntries: 256 }).cqEntries).toBe(1024)
    expect(resolveOptions({ sqEntries: 32768 }).cqEntries).toBe(65536)
  })
  it('is a power of two, and no smaller than sqEntries', () => {
    for (const options of [
      { cqEntries: 200 },
      { cqEntries: 64 },
      { cqEntries: 131072 },
      { cqEntries: 512, sqEntries: 1024 },
    ]) {
      expect(caught(options)).toMatchObject({ code: 'ERR_OUT_OF_RANGE', message: /options\.cqEntries/ })
    }
    expect(caught({ sqEntries: 1000 })).toMatchObject({
      code: 'ERR_OUT_OF_RANGE',
      message: /options\.sqEntries.*power of two/,
    })
  })
})

it.each([
  ['poller', ['auto', 'kernel', 'worker', 'caller', 'threadpool']],
  ['memory', ['auto', 'user', 'mapped']],
])('%s is one of %s', (name, values) => {
  for (const value of values) expect(resolveOptions({ [name]: value })).toMatchObject({ [name]: value })
  for (const value of ['', 'KERNEL', 'thread', 5, null]) {
    expect(caught({ [name]: value })).toMatchObject({
      code: expect.stringMatching(/^ERR_INVALID_ARG_(TYPE|VALUE)$/) as string,
      message: expect.stringContaining(`options.${name}`) as string,
    })
  }
})

it('pinCpus are up to 64 CPU numbers', () => {
  const many = Array.from({ length: 64 }, (_, cpu) => cpu)
  for (const pinCpus of ['auto', [], [0], [8191, 0], many])
    expect(resolveOptions({ pinCpus })).toMatchObject({ pinCpus })
  for (const pinCpus of [0, '0-3', null, {}, [-1], [8192], [0.5], ['1'], [...many, 64]]) {
    expect(caught({ pinCpus })).toMatchObject({
      code: expect.stringMatching(/^ERR_(INVALID_ARG_(TYPE|VALUE)|OUT_OF_RANGE)$/) as string,
      message: expect.stringContaining('options.pinCpus') as string,
    })
  }
})

it('adapt is true or false', () => {
  expect(resolveOptions({ adapt: true }).adapt).toBe(true)
  for (const adapt of ['yes', null, {}])
    expect(caught({ adapt })).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE', message: /options\.adapt/ })
})

it('that are on or off are told from numbers', () => {
  for (const name of ['retryIdempotent', 'fallback'])
    expect(caught({ [name]: 1 })).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE', message: /of type boolean/ })
})

it('onAdvice is a function', () => {
  const onAdvice = (): void => undefined
  expect(resolveOptions({ onAdvice }).onAdvice).toBe(onAdvice)
  for (const wrong of [null, 5, 'log', {}])
    expect(caught({ onAdvice: wrong })).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE', message: /options\.onAdvice/ })
})

it('that contradict each other are refused: without a kernel there is no memory of its own', () => {
  expect(caught({ poller: 'threadpool', memory: 'mapped' })).toMatchObject({
    code: 'ERR_INVALID_ARG_VALUE',
    message: /options\.memory.*threadpool/,
  })
})

it('that do not exist are refused, naming those that do', () => {
  expect(caught({ ring: 5 })).toMatchObject({ code: 'ERR_INVALID_ARG_VALUE', message: /options\.ring'.*rings, poller/ })
})

it('are an object', () => {
  for (const options of [null, 5, 'auto', true, [], () => undefined]) {
    const error = caught(options)
    expect(error).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' })
    expect(fieldOf(error, 'message')).toMatch(/"options" argument/)
  }
})

it('are checked before anything is started', async () => {
  expect(await failure(callLoosely(Ringmaster, 'start', { rings: 0 }))).toMatchObject({ code: 'ERR_OUT_OF_RANGE' })
})
