// What the kernel tells of a ring's SQ thread: from sample texts of several kernels, and from a real one.
import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { SetupFlag } from '../../native/abi.ts'
import { parseSqThread, readSqThread } from '../../native/fdinfo.ts'
import { prepNop } from '../../native/operations/control.ts'
import { eventually } from './support/process-state.ts'
import { openTestRing, reserve } from './support/rings.ts'

const head =
  'pos:\t0\nflags:\t02000002\nmnt_id:\t16\nino:\t2057\nSqMask:\t0x7\nSqHead:\t3\nSqTail:\t3\nCachedSqHead:\t3\n'

describe('parseSqThread()', () => {
  test('Linux 6.9 and later: thread, CPU and both times, which the kernel counts in microseconds', () => {
    const text = `${head}SqThread:\t4711\nSqThreadCpu:\t1\nSqTotalTime:\t123456\nSqWorkTime:\t789\nUserFiles:\t0\n`
    expect(parseSqThread(text)).toEqual({ tid: 4711, cpu: 1, totalNs: 123_456_000, busyNs: 789_000 })
  })

  test('before 6.9: no times, so none have passed', () => {
    expect(parseSqThread(`${head}SqThread:\t4711\nSqThreadCpu:\t0\nUserFiles:\t0\n`)).toEqual({
      tid: 4711,
      cpu: 0,
      totalNs: 0,
      busyNs: 0,
    })
  })

  test('a CPU that the kernel does not tell is -1', () => {
    expect(parseSqThread('SqThread:\t5\n')).toEqual({ tid: 5, cpu: -1, totalNs: 0, busyNs: 0 })
    expect(parseSqThread('SqThread:\t5\nSqThreadCpu:\t-1\n')?.cpu).toBe(-1)
  })

  test.each([
    ['no SQ thread', `${head}SqThread:\t-1\nSqThreadCpu:\t-1\nSqTotalTime:\t0\nSqWorkTime:\t0\n`],
    ['the lock was taken: nothing beyond the head', head],
    ['an empty text', ''],
    ['a name that only ends alike', 'NoSqThread:\t17\n'],
    ['a value that is no number', 'SqThread:\tnone\n'],
  ])('%s: null', (_, text) => {
    expect(parseSqThread(text)).toBeNull()
  })
})

describe('readSqThread()', () => {
  test('names the kernel’s thread of an SQPOLL ring, and its time grows as it works', async () => {
    const ring = openTestRing({ flags: SetupFlag.SQPOLL })
    try {
      const { ringFd } = ring.geometry
      expect(await eventually(() => readSqThread(ringFd) !== null)).toBe(true)
      const first = readSqThread(ringFd)!
      // The kernel's thread names itself a moment after it is there.
      const name = (): string => readFileSync(`/proc/self/task/${first.tid}/comm`, 'latin1')
      expect(await eventually(() => name().startsWith('iou-sqp-'))).toBe(true)
      expect(first.cpu).toBeGreaterThanOrEqual(0)
      expect(first.busyNs).toBeLessThanOrEqual(first.totalNs)
      const grew = await eventually(() => {
        prepNop(ring.ring.sqes, reserve(ring.ring, 0), 0)
        ring.submit()
        ring.wait(1)
        ring.reap()
        return (readSqThread(ringFd)?.totalNs ?? 0) > first.totalNs
      })
      expect(grew).toBe(true)
      ring.close()
      expect(readSqThread(ringFd)).toBeNull()
      expect(await eventually(() => !existsSync(`/proc/self/task/${first.tid}`))).toBe(true)
    } finally {
      ring.close()
    }
  })

  test('a ring without an SQ thread has none, and so has a descriptor that is no ring or not open', () => {
    const ring = openTestRing()
    expect(readSqThread(ring.geometry.ringFd)).toBeNull()
    ring.close()
    expect(readSqThread(ring.geometry.ringFd)).toBeNull()
    expect(readSqThread(0)).toBeNull()
    expect(readSqThread(-1)).toBeNull()
  })
})
