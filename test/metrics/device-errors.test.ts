// Which errors are those of the device: the numbers are those of the names, and each counts where it says something about storage, only there.
import { describe, expect, it } from 'vitest'
import {
  deviceErrorCount,
  deviceErrors,
  storageOperationRows,
  storageOperations,
  type StorageOperation,
} from '../../metrics/device-errors.ts'
import { errorName } from '../../metrics/error-name.ts'
import { errnoMax, RingMetrics, ringMetricsSizeBytes } from '../../metrics/ring-metrics.ts'
import { operationName } from '../../native/operations/index.ts'

const make = (): RingMetrics => new RingMetrics(new SharedArrayBuffer(ringMetricsSizeBytes), 0)
const row = (label: StorageOperation): (typeof storageOperationRows)[number] =>
  storageOperationRows.find((candidate) => candidate.label === label)!

/** Of each errno there is: what is counted when the operation has failed with it once. */
function counted(label: StorageOperation): string[] {
  const errnos = Array.from({ length: errnoMax + 1 }, (_, errno) => errno)
  return errnos
    .filter((errno) => {
      const metrics = make()
      metrics.countRequest(row(label).op)
      metrics.countCompletion(row(label).op, errno === 0 ? -4_095 : -errno)
      const count = deviceErrorCount(metrics, row(label))
      expect([0, 1]).toContain(count)
      return count === 1
    })
    .map(errorName)
}

const ofEvery = 'EIO ENOSPC EROFS EBADE ENODATA ETIME ENOLINK EILSEQ ESTALE EUCLEAN EREMOTEIO EDQUOT EHWPOISON'.split(
  ' ',
)
const ofFiles = 'EBADMSG ECONNABORTED ENOTCONN ESHUTDOWN ETIMEDOUT EHOSTDOWN'.split(' ')

describe('the table', () => {
  it.each(Object.entries(storageOperations))('has %s by its number, %d', (name, opcode) => {
    expect(operationName(opcode)).toBe(name)
  })

  it.each(deviceErrors.map(({ name, errno, reason }) => [name, errno, reason] as const))(
    'has %s by its number, %d, with a reason',
    (name, errno, reason) => {
      expect(errorName(errno)).toBe(name)
      expect(reason).not.toBe('')
    },
  )

  it('has each once', () => {
    expect(new Set(deviceErrors.map(({ errno }) => errno)).size).toBe(deviceErrors.length)
    expect(new Set(Object.values(storageOperations)).size).toBe(storageOperationRows.length)
  })
})

describe('of all errors, counted are', () => {
  it.each(['read', 'writev', 'write_fixed', 'fsync', 'statx', 'close'] as const)(
    "%s: the device's, and those of servers of network file systems",
    (label) => {
      expect(counted(label).sort()).toEqual([...ofEvery, ...ofFiles, 'ENODEV'].sort())
    },
  )

  it.each(['openat', 'openat2', 'fallocate'] as const)(
    '%s: the same without ENODEV, which says that this is no file',
    (label) => {
      expect(counted(label).sort()).toEqual([...ofEvery, ...ofFiles].sort())
    },
  )

  it("splice: without what may be a socket's", () => {
    expect(counted('splice').sort()).toEqual([...ofEvery, 'ENODEV'].sort())
  })
})

describe('the count', () => {
  it('adds up what counts, and leaves out what is an answer', () => {
    const metrics = make()
    for (const errno of [5, 5, 28, 2, 13, 125, 4_000]) metrics.countCompletion(23, -errno)
    expect(deviceErrorCount(metrics, row('write'))).toBe(3)
    expect(deviceErrorCount(metrics, row('read'))).toBe(0)
  })

  it('goes on where the ring before had got to', () => {
    const [before, after] = [make(), make()]
    before.countCompletion(3, -5)
    after.countCompletion(3, -5)
    after.takeOver(before)
    expect([deviceErrorCount(before, row('fsync')), deviceErrorCount(after, row('fsync'))]).toEqual([0, 2])
  })
})
