// Recordings as they are read: those of a trace of real rings, and every way in which a file is none.
import { constants, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { spawnSync } from 'node:child_process'
import { afterAll, describe, expect, it } from 'vitest'
import { recordTrace } from '../../services/record-trace.ts'
import { describeRecording, readRecording } from '../../services/recording/read.ts'
import { Ringmaster } from '../../services/ringmaster.ts'
import { temporaryFolder, withoutAddon } from '../services/harness.ts'

const folder = temporaryFolder()
const path = join(folder.path, 'recording.json')
afterAll(() => {
  folder.remove()
})

const whole = {
  format: 'ringmaster-recording',
  version: 1,
  startedMs: 0,
  seconds: 2,
  dropped: 0,
  sampleEvery: 1,
  inFlight: 1.25,
  files: [{ path: 'a', bytes: 5000 }],
  visits: [{ file: 0, atMs: 1, operations: [['open'], ['stat'], ['read', 0, 3072], ['close']] }],
}

it('says what is in it', async () => {
  writeFileSync(path, JSON.stringify(whole))
  expect(describeRecording(await readRecording(path))).toBe(
    '4 operations on 1 file (25 % open, 25 % stat, 25 % read, 25 % close), reads of 3 KiB in the middle, recorded at 2 operations/s with 1.3 in flight',
  )
})

describe('a file that is none', () => {
  const { visits, ...rest } = whole
  const visit = visits[0]!
  it.each<[string, string, RegExp]>([
    ['nothing', '', /is no recording: it is empty.*ringmaster trace --format replay/],
    ['a part', JSON.stringify(whole).slice(0, -20), /no JSON, or only a part/],
    ['another JSON', '{"traceEvents": []}', /has not the format "ringmaster-recording"/],
    ['of a later version', JSON.stringify({ ...whole, version: 2 }), /has version 2, and this Ringmaster reads 1/],
    ['without requests', JSON.stringify({ ...whole, visits: [] }), /nothing was asked for/],
    ['without visits', JSON.stringify(rest), /visits:/],
    [
      'with a file that is not in it',
      JSON.stringify({ ...whole, visits: [{ ...visit, file: 1 }] }),
      /visit 1 names a file/,
    ],
    [
      'with a negative offset',
      JSON.stringify({ ...whole, visits: [{ ...visit, operations: [['read', -1, 5]] }] }),
      /visits\.0\.operations\.0/,
    ],
    [
      'with something else to do',
      JSON.stringify({ ...whole, visits: [{ ...visit, operations: [['unlink']] }] }),
      /visits\.0\.operations\.0/,
    ],
    ['with too much', JSON.stringify({ ...whole, visits: Array.from({ length: 20_001 }, () => visit) }), /visits/],
  ])('%s', async (_, text, says) => {
    writeFileSync(path, text)
    await expect(readRecording(path)).rejects.toMatchObject({
      name: 'RecordingError',
      message: expect.stringMatching(says) as string,
    })
  })

  it('not there, a folder, a FIFO that nobody writes to', async () => {
    mkdirSync(join(folder.path, 'folder'))
    spawnSync('mkfifo', [join(folder.path, 'fifo')])
    for (const [name, says] of [
      ['none', /cannot read .*none: ENOENT/],
      ['folder', /folder is not a file/],
      ['fifo', /fifo is not a file/],
    ] as const)
      await expect(readRecording(join(folder.path, name))).rejects.toThrow(says)
  })
})

it('a trace of rings is one, too: what it knows of sizes and kinds is done again on one file', async () => {
  const rings = await Ringmaster.start({ rings: 1, poller: withoutAddon ? 'threadpool' : 'caller' })
  const trace = recordTrace(rings, { seconds: 0.3, sampleEvery: 1, eventsMax: 1000 }, new AbortController().signal)
  const file = await rings.open(join(folder.path, 'data'), constants.O_RDWR | constants.O_CREAT)
  await file.write(Buffer.alloc(3000), 0, 3000, 0)
  await file.datasync()
  await file.read(Buffer.alloc(2000), 0, 2000, 0)
  await file.stat()
  await file.close()
  await rings.open(join(folder.path, 'none'), 'r').catch(() => undefined)
  writeFileSync(path, JSON.stringify(await trace))
  await rings.close()
  const { visits, files, inFlight } = await readRecording(path)
  const operations = visits.flatMap((visit) => visit.operations.map(([kind, , length]) => [kind, length]))
  expect(operations).toEqual([
    ['open', undefined],
    ['close', undefined],
    ['write', 3000],
    ['sync', undefined],
    ['read', 2000],
    ['stat', undefined],
  ])
  expect(files).toEqual([{ path: null, bytes: 256 << 20 }])
  expect(inFlight).toBeGreaterThan(0)
  expect(readFileSync(join(folder.path, 'data')).length).toBe(3000)
})
