// The plain system calls of the addon: what they answer is what the kernel answers, and a wrong argument throws instead of crashing.
import { spawnSync } from 'node:child_process'
import { closeSync, openSync, readFileSync, readlinkSync, readSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { RegisterOp } from '../../native/abi.ts'
import { binding } from '../../native/binding.ts'
import { openTestRing } from './support/rings.ts'

const addon = binding()
const EBADF = -9
const EINVAL = -22

/** `0-2,5` of /proc as numbers. */
function allowedCpus(): number[] {
  const list = /^Cpus_allowed_list:\s*(\S+)$/m.exec(readFileSync('/proc/thread-self/status', 'latin1'))![1]!
  return list.split(',').flatMap((range) => {
    const [first, last = first] = range.split('-').map(Number)
    return Array.from({ length: last! - first! + 1 }, (_, index) => first! + index)
  })
}

/** Calls with what the types forbid. */
const callWith =
  (name: keyof typeof addon, ...values: readonly unknown[]): (() => unknown) =>
  () =>
    (Reflect.get(addon, name) as (...given: readonly unknown[]) => unknown).apply(addon, [...values])

describe('threads and CPUs', () => {
  test('threadId() is the kernel’s number of this thread', () => {
    expect(readlinkSync('/proc/thread-self')).toBe(`${process.pid}/task/${addon.threadId()}`)
  })

  test('affinity() is what /proc says, also after setAffinity()', () => {
    const cpus = addon.affinity()
    expect(cpus).toEqual(allowedCpus())
    try {
      for (const cpu of cpus) {
        expect(addon.setAffinity([cpu])).toBe(0)
        expect(addon.affinity()).toEqual([cpu])
        expect(allowedCpus()).toEqual([cpu])
      }
    } finally {
      expect(addon.setAffinity(cpus)).toBe(0)
    }
    expect(allowedCpus()).toEqual(cpus)
  })

  test.each([[[]], [[8191]], [[8192]], [[-1]]])('setAffinity(%j) is EINVAL and changes nothing', (cpus) => {
    const before = addon.affinity()
    expect(addon.setAffinity(cpus)).toBe(EINVAL)
    expect(addon.affinity()).toEqual(before)
  })

  test('setAffinity() of something else than an array throws', () => {
    for (const value of [undefined, null, 1, 'x', {}]) expect(callWith('setAffinity', value)).toThrow(TypeError)
  })
})

describe('eventfd', () => {
  test('counts signals until it is read, does not block, and is not inherited', () => {
    const fd = addon.eventfd()
    expect(readlinkSync(`/proc/self/fd/${fd}`)).toBe('anon_inode:[eventfd]')
    const flags = Number.parseInt(/^flags:\s*(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'))![1]!, 8)
    expect(flags & 0o2000000).not.toBe(0) // O_CLOEXEC
    expect(flags & 0o4000).not.toBe(0) // O_NONBLOCK
    const inherited = spawnSync('ls', ['-l', '/proc/self/fd'], { encoding: 'utf8' }).stdout
    expect(inherited).not.toContain('[eventfd]')
    for (let times = 0; times < 3; times++) expect(addon.signal(fd)).toBe(8)
    const count = new BigUint64Array(1)
    expect(readSync(fd, count)).toBe(8)
    expect(count[0]).toBe(3n)
    expect(addon.closeFd(fd)).toBe(0)
    expect(addon.closeFd(fd)).toBe(EBADF)
    expect(addon.signal(fd)).toBe(EBADF)
  })
})

describe('answers of the kernel are passed on as they are', () => {
  test('on descriptors that are no ring', () => {
    const fd = openSync('/dev/null', 'r')
    expect(addon.enter(fd, 0, 0, 0)).toBe(-95) // EOPNOTSUPP
    expect(addon.enter(99_999, 0, 0, 0)).toBe(EBADF)
    expect(addon.register(99_999, RegisterOp.UNREGISTER_FILES, null, 0)).toBe(EBADF)
    const noRing = new Uint8Array(512).fill(255)
    expect(addon.map(noRing, 4096, 0)).toBe(EBADF)
    expect(addon.setup(8, new Uint8Array(120).fill(255), noRing)).toBe(EINVAL)
    expect(noRing.every((byte) => byte === 255)).toBe(true)
    closeSync(fd)
  })

  test('register() takes any view: a typed array, a DataView, or null for no argument', () => {
    const ring = openTestRing()
    const { ringFd } = ring.geometry
    const probe = (view: ArrayBufferView | null): number => addon.register(ringFd, RegisterOp.REGISTER_PROBE, view, 1)
    expect(probe(new Uint8Array(64))).toBe(0)
    expect(probe(new DataView(new ArrayBuffer(64)))).toBe(0)
    expect(probe(null)).toBe(EINVAL) // NULL reached the kernel, which wants a probe
    ring.close()
  })
})

describe('wrong arguments throw and do not crash', () => {
  test.each([
    ['setup', [8, undefined], TypeError],
    ['setup', [8, new Uint8Array(119)], RangeError],
    ['setup', [8, new Uint8Array(120), undefined], TypeError],
    ['map', [undefined, 4096, 0], TypeError],
    ['setup', [8, new Uint8Array(new ArrayBuffer(128), 1, 120)], RangeError],
    ['register', [0, 0, 'text', 0], TypeError],
    ['register', [0, 0, undefined, 0], TypeError],
    ['addressOf', [], TypeError],
    ['enter', [undefined, 0, 0, 0], TypeError],
    ['enter', [0, 0, 0], TypeError],
    ['register', ['0', 0, null, 0], TypeError],
    ['signal', [null], TypeError],
    ['closeFd', [], TypeError],
    ['view', [0n, 4096], TypeError],
    ['release', ['0'], TypeError],
    ['pollSlice', [0, new Int32Array(4), 0, 0, 0, new Uint8Array(512), 0n, 0], TypeError],
    ['hold', [undefined, null, null, false], TypeError],
    ['hold', [new Uint8Array(511), null, null, false], RangeError],
    ['hold', [new Uint8Array(512), new Int32Array(4), null, false], TypeError],
    ['hold', [new Uint8Array(512), new Int32Array(4), new Int32Array(5), false], RangeError],
    ['hold', [new Uint8Array(512), new Int32Array(4), Int32Array.of(0, 0, 7, 0, 0, 0), false], RangeError],
    ['pollSlice', [0, undefined, 0, 0, 0, new Uint8Array(512), 0, 0], TypeError],
    ['pollSlice', [0, new Int32Array(4), 0, 4, 0, new Uint8Array(512), 0, 0], RangeError],
    ['pollSlice', [0, new Int32Array(4), 0, 0, 0, new Uint8Array(8), 0, 0], RangeError],
  ] as [keyof typeof addon, unknown[], typeof TypeError][])('%s(…) #%$', (name, values, kind) => {
    expect(callWith(name, ...values)).toThrow(kind)
    // And nothing is left pending: the next call is not disturbed.
    expect(addon.threadId()).toBeGreaterThan(0)
  })

  test('detach() leaves alone what is no ArrayBuffer, and a buffer may be detached twice', () => {
    for (const value of [undefined, 1, new SharedArrayBuffer(8)]) expect(callWith('detach', value)).not.toThrow()
    const buffer = new ArrayBuffer(8)
    addon.detach(buffer)
    addon.detach(buffer)
    expect(buffer.byteLength).toBe(0)
  })
})
