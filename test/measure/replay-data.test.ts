// Recordings fitted to files that are there: by name, inside of the folder only, in proportion; and data of ours in the recording's sizes.
import { mkdirSync, realpathSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import type { LegData } from '../../services/measure/order.ts'
import { fittingSizes } from '../../services/measure/own-data.ts'
import { fitReplay } from '../../services/measure/replay-data.ts'
import type { RecordedOperation, Recording } from '../../services/recording/format.ts'
import { temporaryFolder } from '../services/harness.ts'

const outside = temporaryFolder()
const root = join(realpathSync(outside.path), 'served')
mkdirSync(join(root, 'sub'), { recursive: true })
writeFileSync(join(outside.path, 'secret'), 'x'.repeat(100_000))
writeFileSync(join(root, 'sub', 'a'), 'a'.repeat(10_000))
writeFileSync(join(root, 'small'), 'b'.repeat(100))
writeFileSync(join(root, 'large'), '')
truncateSync(join(root, 'large'), 3 << 20)
symlinkSync('../secret', join(root, 'link'))
afterAll(() => {
  outside.remove()
})

const data: LegData = {
  file: null,
  spanBytes: 0,
  paths: [join(root, 'small'), join(root, 'large')],
  scratchFolder: root,
  cache: 'cached',
  ownFolder: null,
  root,
}

/** One visit for each file. */
function recordingOf(files: [path: string | null, bytes: number, operations: RecordedOperation[]][]): Recording {
  return {
    format: 'ringmaster-recording',
    version: 1,
    startedMs: 0,
    seconds: 1,
    dropped: 0,
    sampleEvery: 1,
    inFlight: 1,
    files: files.map(([path, bytes]) => ({ path, bytes })),
    visits: files.map(([, , operations], file) => ({ file, atMs: file, operations })),
  }
}

it('a file that is there by name is read as it was recorded', async () => {
  const operations: RecordedOperation[] = [['open'], ['stat'], ['read', 5000, 5000], ['close']]
  const { data: fitted, named } = await fitReplay(data, recordingOf([['sub/a', 10_000, operations]]))
  expect(named).toBe(1)
  expect(fitted.paths).toEqual([join(root, 'sub', 'a')])
  expect(fitted.visits?.[0]?.operations).toEqual(operations)
})

it.each(['../secret', 'link', '/etc/passwd', 'sub/../../secret', 'sub', 'a\0b', ''])(
  'nothing that %j names outside of the folder, or that is no file, is opened',
  async (path) => {
    const { data: fitted, named } = await fitReplay(data, recordingOf([[path, 4, [['open']]]]))
    expect([named, fitted.paths]).toEqual([0, [join(root, 'large')]])
  },
)

it('what is missing is replaced by size: the longest by the longest', async () => {
  const read: RecordedOperation[] = [['open'], ['read', 0, 10]]
  const { data: fitted } = await fitReplay(
    data,
    recordingOf([
      ['gone', 9000, read],
      ['lost', 10, read],
      [null, 50, read],
    ]),
  )
  expect(fitted.paths).toEqual(['large', 'small', 'large'].map((name) => join(root, name)))
})

it('offsets are in proportion and in blocks where they were, reads end inside of the file, long ones are pieces', async () => {
  const mib = 1 << 20
  const { data: fitted } = await fitReplay(
    data,
    recordingOf([
      [
        'large',
        6 * mib,
        [
          ['read', 2 * mib, 100],
          ['read', 6 * mib - 1, 1],
          ['read', mib + 3, 2.5 * mib],
        ],
      ],
      ['small', 200, [['open'], ['read', 100, 100], ['read', 0, 4096]]],
    ]),
  )
  expect(fitted.visits?.[0]?.operations).toEqual([
    ['read', mib, 100],
    ['read', 3 * mib - 1, 1],
    ['read', mib / 2, mib],
    ['read', mib / 2 + mib, mib],
    ['read', mib / 2 + 2 * mib, mib / 2],
  ])
  // It is opened, so it is closed, too.
  expect(fitted.visits?.[1]?.operations).toEqual([['open'], ['read', 0, 100], ['read', 0, 100], ['close']])
})

it('data of ours has the recorded sizes; what would be too much is cut from the longest', () => {
  expect(fittingSizes([10, 500, 20], 1000)).toEqual([10, 500, 20])
  expect(fittingSizes([10, 5000, 20, 700], 1000)).toEqual([10, 485, 20, 485])
  expect(fittingSizes([0, 100, 100], 10)).toEqual([0, 5, 5])
})
