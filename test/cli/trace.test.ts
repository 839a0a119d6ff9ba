// `ringmaster trace` and GET /trace as people use them: a real daemon under load by curl's like, a file at the end; and every way in which it
// cannot be had.
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createServer as createTcpServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { TraceRecording } from '../../metrics/trace-event.ts'
import type { Recording } from '../../services/recording/format.ts'
import type { TuneReport } from '../../services/tune/report/model.ts'
import { contentsOf } from '../measure/harness.ts'
import { readChromeTrace } from '../metrics/chrome-trace.ts'
import { eventually } from '../services/harness.ts'
import { exitCode, runCommand, spawnCommand, startDaemon, type Child, type Daemon } from './command.ts'

let folder: string
let daemon: Daemon
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ringmaster-trace-'))
  writeFileSync(join(folder, 'file'), 'x'.repeat(10_000))
  daemon = await startDaemon(folder, ['--poller', 'caller', '--rings', '1'])
})
afterAll(async () => {
  await daemon[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true })
})

const get = (query: string, init?: RequestInit): Promise<Response> => fetch(`${daemon.adminUrl}/trace${query}`, init)
const fetchFile = async (): Promise<void> => {
  await (await fetch(`${daemon.filesUrl}file`)).arrayBuffer()
}

/** Asks for files for as long as `task` takes, but not for more than a recording of half a second holds; resolves with what it gives. */
async function underLoad<Result>(task: Promise<Result>): Promise<Result> {
  let over = false
  const settled = task.finally(() => {
    over = true
  })
  settled.catch(() => undefined)
  while (!over) await Promise.all([fetchFile(), setTimeout(2)])
  return settled
}

describe('GET /trace', () => {
  it('records what the rings do and sends it as Chrome reads it', async () => {
    const response = await underLoad(get('?seconds=0.5').then(async (answer) => [answer, await answer.text()] as const))
    const [{ status, headers }, text] = response
    expect([status, headers.get('content-type')]).toEqual([200, 'application/json; charset=utf-8'])
    const { slices, otherData } = readChromeTrace(text)
    const names = new Set(slices.map(({ name }) => name))
    expect([...names]).toEqual(expect.arrayContaining(['openat2 kernel', 'read queued', 'read delivered']))
    expect(otherData).toMatchObject({ sampleEvery: 1, ringmaster: expect.stringMatching(/^\d/) as string })
    expect(otherData['rings']).toEqual([expect.stringMatching(/^ring 0: poller caller/)])
    expect(JSON.stringify(otherData)).not.toContain(folder)
  })

  it('format=events: the events themselves, between the times that are said', async () => {
    const recording = (await underLoad(
      get('?seconds=0.3&format=events&sample=2').then((answer) => answer.json()),
    )) as TraceRecording
    expect(Object.keys(recording).sort()).toEqual([
      'dropped',
      'endedMs',
      'events',
      'inFlight',
      'sampleEvery',
      'startedMs',
      'wakeups',
    ])
    expect(recording.sampleEvery).toBe(2)
    expect(recording.endedMs - recording.startedMs).toBeGreaterThanOrEqual(299)
    expect(recording.events.length).toBeGreaterThan(0)
    expect(recording.events.length).toBeLessThanOrEqual(5000)
    for (const { publishedMs, settledMs } of recording.events)
      expect(publishedMs >= recording.startedMs - 1 && settledMs <= recording.endedMs + 1).toBe(true)
    const settled = recording.events.map(({ settledMs }) => settledMs)
    expect(settled).toEqual([...settled].sort((one, other) => one - other))
  })

  it('format=replay: what was done to which file, as it was asked for over HTTP', async () => {
    const ask = async (name: string, init: RequestInit = {}): Promise<void> => {
      await (await fetch(`${daemon.filesUrl}${name}`, init)).arrayBuffer()
    }
    const asks = [
      () => ask('file'),
      () => ask('file', { headers: { range: 'bytes=2000-2999' } }),
      () => ask('none'),
      () => ask('file', { method: 'HEAD' }),
    ]
    // The answer's head comes when the recording has begun.
    const response = await get('?seconds=1&format=replay')
    let over = false
    const recorded = (response.json() as Promise<Recording>).finally(() => (over = true))
    for (let at = 0; !over; at = (at + 1) % asks.length) await asks[at]!()
    const recording = await recorded
    expect(recording.files).toEqual([{ path: 'file', bytes: 10_000 }])
    const cycle = [
      [['open'], ['stat'], ['read', 0, 10_000], ['close']],
      [['open'], ['stat'], ['read', 2000, 1000], ['close']],
      [['open'], ['stat'], ['close']],
    ]
    // The last one may have been cut by the end.
    const visits = recording.visits.slice(0, -1)
    expect(visits.length).toBeGreaterThan(0)
    expect(visits.map(({ operations }) => operations)).toEqual(visits.map((_, at) => cycle[at % cycle.length]))
    const times = recording.visits.map(({ atMs }) => atMs)
    expect(times).toEqual([...times].sort((one, other) => one - other))
    expect(times.at(-1)).toBeLessThan(recording.seconds * 1000)
    expect(recording.inFlight).toBeGreaterThan(0)
    expect([recording.dropped, recording.sampleEvery]).toEqual([0, 1])
    expect(JSON.stringify(recording)).not.toContain(folder)
  })

  it.each([
    ['?seconds=0', /seconds must be above 0 and at most 60/],
    ['?seconds=61', /seconds must be/],
    ['?seconds=abc', /seconds must be/],
    ['?seconds=0x1', /seconds must be/],
    ['?seconds=1e1', /seconds must be/],
    ['?sample=1e3', /sample must be/],
    ['?sample=0', /sample must be an integer/],
    ['?sample=1.5', /sample must be/],
    ['?format=xml', /format must be one of chrome, events, replay/],
    ['?seconds=0.1&seconds=x', /seconds is given more than once/],
    ['?second=1', /"second" is no parameter; there are seconds, sample, format/],
  ])('%s is refused', async (query, message) => {
    const response = await get(query)
    expect(response.status).toBe(400)
    expect(await response.text()).toMatch(message)
  })

  it('two at a time; a third is told to wait, and whoever goes away makes room', async () => {
    const aborts = [new AbortController(), new AbortController()]
    const recordings = await Promise.all(aborts.map(({ signal }) => get('?seconds=60', { signal })))
    expect(recordings.map(({ status }) => status)).toEqual([200, 200])
    const third = await get('?seconds=0.1')
    expect(third.status).toBe(429)
    expect(Number(third.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(await third.text()).toContain('try again')
    const { code, stderr } = await runCommand('trace', '--admin', daemon.adminUrl, '--seconds', '1', '--output', '-')
    expect([code, stderr]).toEqual([1, expect.stringContaining('2 traces are being recorded already')])
    aborts[0]!.abort()
    let status = 429
    const room = async (): Promise<void> => {
      const response = await get('?seconds=0.01')
      await response.arrayBuffer()
      status = response.status
    }
    for (const endMs = performance.now() + 20_000; status !== 200 && performance.now() < endMs;) await room()
    expect(status).toBe(200)
    aborts[1]!.abort()
  })

  it('HEAD says that it is there, and records nothing', async () => {
    const response = await get('?seconds=60', { method: 'HEAD' })
    expect([response.status, await response.text()]).toEqual([200, ''])
    // A GET has no length that it could name.
    expect(response.headers.get('content-length')).toBeNull()
  })
})

describe('ringmaster trace', () => {
  it('saves a recording, and says where', async () => {
    const output = join(folder, 'trace.json')
    writeFileSync(output, 'x'.repeat(1_000_000))
    const { code, stdout, stderr } = await underLoad(
      runCommand('trace', '--admin', daemon.adminUrl, '--seconds', '0.5', '--output', output),
    )
    expect([code, stdout, stderr]).toEqual([0, '', `saved to ${output}: open it at https://ui.perfetto.dev\n`])
    expect(readChromeTrace(readFileSync(output, 'utf8')).slices.length).toBeGreaterThan(0)
  })

  it('--output - is stdout, --format events what scripts read', async () => {
    const args = ['--seconds', '0.3', '--format', 'events', '--output', '-', '--sample', '1']
    const { code, stdout, stderr } = await underLoad(runCommand('trace', '--admin', daemon.adminUrl, ...args))
    expect([code, stderr]).toEqual([0, ''])
    expect((JSON.parse(stdout) as TraceRecording).events.length).toBeGreaterThan(0)
  })

  it('--format replay is what ringmaster tune does again: on the same files, and on data of its own', async () => {
    const output = join(folder, 'recording.json')
    const args = ['--admin', daemon.adminUrl, '--seconds', '0.5', '--format', 'replay', '--output', output]
    const { code, stderr } = await underLoad(runCommand('trace', ...args))
    const says = `saved to ${output}: ringmaster tune --workload recorded --from ${output} finds the best layout for it\n`
    expect([code, stderr]).toEqual([0, says])
    for (const where of [[folder], ['--data-dir', folder]]) {
      const before = contentsOf(folder)
      const options = [
        '--workload',
        'recorded',
        '--from',
        output,
        '--budget-seconds',
        '2',
        '--knobs',
        'depth',
        '--json',
      ]
      const tuned = await runCommand('tune', ...where, ...options)
      // What is decided depends on who else is here.
      expect([0, 3], tuned.stderr).toContain(tuned.code)
      const { data, workload, search } = JSON.parse(tuned.stdout) as TuneReport
      expect(workload).toBe('recorded')
      expect(data).toMatch(/operations on 1 file \(\d+ % open, \d+ % stat, \d+ % read, \d+ % close\), reads of 9.8 KiB/)
      expect(data).toMatch(where.length === 1 ? /1 of 1 files are there by name$/ : /\(1 files, 0.0 MiB\), removed/)
      expect(search?.before.workPerSecond.value).toBeGreaterThan(0)
      expect(contentsOf(folder)).toEqual(before)
    }
  })

  it('stdout that takes nothing is said in a line', async () => {
    const args = ['trace', '--admin', daemon.adminUrl, '--seconds', '0.3', '--output', '-']
    const child = spawnCommand(args, {}, ['sh', '-c', 'exec "$@" > /dev/full', 'sh'])
    const [stderr, code] = await Promise.all([text(child.stderr), exitCode(child)])
    expect([code, stderr]).toEqual([1, 'ringmaster: cannot write to stdout: ENOSPC. Nothing of use was saved.\n'])
  })

  it('links that lead nowhere yet stay links, and what the last one names is made', async () => {
    const made = join(folder, 'made')
    mkdirSync(join(made, 'deep'), { recursive: true })
    symlinkSync(join(made, 'deep'), join(folder, 'linked'))
    symlinkSync('../second', join(made, 'deep/first'))
    symlinkSync('named.json', join(made, 'second'))
    const record = (output: string): ReturnType<typeof runCommand> =>
      runCommand('trace', '--admin', daemon.adminUrl, '--seconds', '0.3', '--output', output)
    expect((await record(join(folder, 'linked/first'))).code).toBe(0)
    expect([readlinkSync(join(made, 'deep/first')), readlinkSync(join(made, 'second'))]).toEqual([
      '../second',
      'named.json',
    ])
    expect(readChromeTrace(readFileSync(join(made, 'named.json'), 'utf8'))).toBeDefined()
    symlinkSync('loop', join(made, 'loop'))
    expect(await record(join(made, 'loop'))).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('ELOOP') as string,
    })
  })

  it('nothing listens there: exit code 1, what to do, and no file', async () => {
    const output = join(folder, 'none.json')
    const free = createTcpServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => free.once('listening', resolve))
    const { port } = free.address() as AddressInfo
    await new Promise((resolve) => free.close(resolve))
    const { code, stderr } = await runCommand('trace', '--admin', `http://127.0.0.1:${port}`, '--output', output)
    expect([code, stderr]).toEqual([1, expect.stringMatching(/nothing listens at http.*ringmaster serve.*--admin/)])
    expect(stderr).not.toMatch(/^ {4}at /m)
    expect(existsSync(output)).toBe(false)
  })

  it('somebody else listens there, or answers with nothing: exit code 1, what to do, and what was in the file stays', async () => {
    const output = join(folder, 'kept.json')
    writeFileSync(output, 'kept')
    const other = createServer((asked, response) => {
      if (asked.url?.includes('seconds=1') === true) response.writeHead(404).end('not here')
      else response.writeHead(200, { 'content-type': 'application/json' }).write('{', () => response.destroy())
    }).listen(0, '127.0.0.1')
    await new Promise((resolve) => other.once('listening', resolve))
    const admin = `http://127.0.0.1:${(other.address() as AddressInfo).port}`
    const not = await runCommand('trace', '--admin', admin, '--seconds', '1', '--output', output)
    expect([not.code, not.stderr]).toEqual([
      1,
      expect.stringMatching(/answers 404 to \/trace: it is not the admin address/),
    ])
    const cut = await runCommand('trace', '--admin', admin, '--seconds', '2', '--output', output)
    expect([cut.code, cut.stderr]).toEqual([1, expect.stringMatching(/ended the connection.*Nothing was saved/)])
    expect(readFileSync(output, 'utf8')).toBe('kept')
    other.close()
  })

  it.each<[string, string, string]>([
    ['a web page', 'text/html', '<html>hi</html>'],
    ['other JSON', 'application/json', '{"a":1}\n'],
    ['nothing', 'application/json', ''],
    [
      'half of ours',
      'application/json',
      '{"displayTimeUnit":"ns","otherData":{"ringmaster":"0.1.0"},"traceEvents":[\n',
    ],
    ['somebody else’s trace', 'application/json', '{"displayTimeUnit":"ns","otherData":{},"traceEvents":[\n]}\n'],
  ])('%s with status 200 is no recording: exit code 1, and no file', async (_, contentType, body) => {
    const output = join(folder, 'foreign.json')
    const other = createServer((_asked, response) => {
      response.writeHead(200, { 'content-type': contentType }).end(body)
    }).listen(0, '127.0.0.1')
    await new Promise((resolve) => other.once('listening', resolve))
    const admin = `http://127.0.0.1:${(other.address() as AddressInfo).port}`
    const { code, stderr } = await runCommand('trace', '--admin', admin, '--seconds', '1', '--output', output)
    expect([code, stderr]).toEqual([1, expect.stringMatching(/this is no ringmaster.*Nothing was saved/)])
    expect(readdirSync(folder).filter((name) => name.startsWith('foreign'))).toEqual([])
    other.close()
  })

  it('something else that goes on without end is left at once', async () => {
    const other = createServer((_asked, response) => {
      response.writeHead(200, { 'content-type': 'application/json' })
      const drip = setInterval(() => response.write(' '), 100)
      response.once('close', () => {
        clearInterval(drip)
      })
    }).listen(0, '127.0.0.1')
    await new Promise((resolve) => other.once('listening', resolve))
    const admin = `http://127.0.0.1:${(other.address() as AddressInfo).port}`
    const { code, stderr } = await runCommand('trace', '--admin', admin, '--seconds', '1', '--output', '-')
    expect([code, stderr]).toEqual([1, expect.stringContaining('something else than a recording')])
    other.close()
  })

  it('what a server says for itself cannot do anything to the terminal', async () => {
    const other = createServer((_asked, response) => {
      response.writeHead(400).end(`\u001B[31mred\u001B]0;title\u0007\u001B[2J\n${'x'.repeat(5000)}`)
    }).listen(0, '127.0.0.1')
    await new Promise((resolve) => other.once('listening', resolve))
    const admin = `http://127.0.0.1:${(other.address() as AddressInfo).port}`
    const { code, stderr } = await runCommand('trace', '--admin', admin, '--seconds', '1', '--output', '-')
    expect(code).toBe(1)
    expect(stderr).toMatch(/refuses: red x+/)
    expect(stderr).not.toMatch(/[^\n\x20-\x7e]/)
    expect(stderr.length).toBeLessThan(1000)
    other.close()
  })

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('%s while it records leaves no file, and what was there', async (signal, expected) => {
    writeFileSync(join(folder, 'before.json'), 'before')
    for (const name of ['before.json', 'new.json']) {
      const asked = new Promise<() => void>((resolve) => {
        const silent = createServer(() => {
          resolve(() => {
            silent.close()
            silent.closeAllConnections()
          })
        }).listen(0, '127.0.0.1', () => {
          const admin = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`
          child = spawnCommand(['trace', '--admin', admin, '--output', join(folder, name)])
        })
      })
      let child: Child | undefined
      const close = await asked
      child!.kill(signal)
      expect(await exitCode(child!)).toBe(expected)
      close()
    }
    expect(readdirSync(folder).filter((name) => /^(before|new)/.test(name))).toEqual(['before.json'])
    expect(readFileSync(join(folder, 'before.json'), 'utf8')).toBe('before')
  })

  it('a folder that is not there is found out before anything is recorded', async () => {
    const output = join(folder, 'none', 'trace.json')
    const { code, stderr } = await runCommand('trace', '--admin', 'http://127.0.0.1:1', '--output', output)
    expect([code, stderr]).toEqual([1, expect.stringMatching(/cannot write .*trace\.json: ENOENT.*--output/)])
  })

  it.each<[string[], RegExp]>([
    [['--seconds', '0'], /--seconds.*above 0 and up to 60/],
    [['--seconds', '61'], /--seconds/],
    [['--sample', '0'], /--sample.*from 1/],
    [['--format', 'xml'], /'xml' is invalid.*chrome, events/],
    [['--admin', 'nowhere'], /--admin.*http:\/\//],
    [['--admin', 'https://localhost'], /--admin/],
  ])('%j is wrong usage', async (args, message) => {
    const { code, stderr } = await runCommand('trace', ...args)
    expect([code, stderr]).toEqual([2, expect.stringMatching(message)])
  })

  it('--help shows examples', async () => {
    const { stdout } = await runCommand('trace', '--help')
    expect(stdout).toContain('Examples:')
    expect(stdout).toContain('ui.perfetto.dev')
  })
})

it('a daemon that stops does not wait for who records', async () => {
  const stopping = await startDaemon(folder, ['--poller', 'caller', '--rings', '1'])
  const asked = request(`${stopping.adminUrl}/trace?seconds=60`)
  const begun = new Promise((resolve) => asked.once('response', resolve))
  let ended = false
  asked.once('close', () => (ended = true))
  asked.on('error', () => undefined)
  asked.end()
  await begun
  stopping.child.kill('SIGTERM')
  expect(await eventually(() => stopping.child.exitCode !== null)).toBe(true)
  expect(stopping.child.exitCode).toBe(0)
  expect(await eventually(() => ended)).toBe(true)
  await stopping[Symbol.asyncDispose]()
})
