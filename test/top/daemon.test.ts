// `ringmaster top` without a screen, against a real daemon under load: its numbers are those of /metrics.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Snapshot } from '../../services/top/snapshot.ts'
import { exitCode, runCommand, spawnCommand, startDaemon, type Child, type Daemon } from '../cli/command.ts'
import { parseExposition, type Sample } from '../metrics/exposition.ts'
import { eventually, temporaryFolder } from '../services/harness.ts'

const folder = temporaryFolder()
let daemon: Daemon
beforeAll(async () => {
  mkdirSync(join(folder.path, 'sub'))
  writeFileSync(join(folder.path, 'small'), 'x'.repeat(100))
  writeFileSync(join(folder.path, 'sub', 'large'), 'x'.repeat(100_000))
  daemon = await startDaemon(folder.path, ['--rings', '2', '--poller', 'caller'])
})
afterAll(async () => {
  await daemon[Symbol.asyncDispose]()
  folder.remove()
})

const fetchFile = async (path: string): Promise<void> => {
  await (await fetch(`${daemon.filesUrl}${path}`)).arrayBuffer()
}

/** Asks for files, and for one that is not there, for as long as `task` takes. */
async function underLoad<Result>(task: Promise<Result>): Promise<Result> {
  let isOver = false
  const settled = task.finally(() => {
    isOver = true
  })
  settled.catch(() => undefined)
  // With pauses: the program that is waited for wants a CPU, too.
  while (!isOver) {
    for (const path of ['small', 'small', 'sub/large', 'missing']) await fetchFile(path)
    await sleep(10)
  }
  return settled
}

async function scrape(): Promise<Sample[]> {
  const text = await (await fetch(`${daemon.adminUrl}/metrics`)).text()
  return [...parseExposition(text).values()].flatMap(({ samples }) => samples)
}

const sum = (samples: readonly Sample[], name: string, labels: Readonly<Record<string, string>> = {}): number =>
  samples
    .filter(
      (one) =>
        one.name === name && Object.entries(labels).every(([label, value]) => (one.labels[label] ?? '') === value),
    )
    .reduce((total, { value }) => total + value, 0)

/** Of the rings themselves it is empty. */
const clientLabel = (client: number): string => (client === 0 ? '' : String(client))

/** Each ring, and that of the file service in its worker. */
const ringNames = ['0', '1', '0.1', '1.2']

const args = (...more: string[]): string[] => ['top', '--admin', daemon.adminUrl, ...more]

describe('--once --json', () => {
  it('counters are between what /metrics says before and after, of all rings, of each, of each operation', async () => {
    const before = await scrape()
    const { code, stdout, stderr } = await underLoad(runCommand(...args('--once', '--json', '--interval', '0.5')))
    const after = await scrape()
    expect([code, stderr]).toEqual([0, ''])
    const { totals, rings, operations, rates, seconds, daemon: who } = JSON.parse(stdout) as Snapshot
    const between = (value: number, name: string, labels?: Readonly<Record<string, string>>): void => {
      expect(value, name).toBeGreaterThanOrEqual(sum(before, name, labels))
      expect(value, name).toBeLessThanOrEqual(sum(after, name, labels))
    }
    expect(who.pid).toBe(daemon.child.pid)
    expect(totals.errors).toBeGreaterThan(0)
    between(totals.operations, 'ringmaster_operation_completions_total')
    between(totals.errors, 'ringmaster_operation_errors_total')
    between(totals.enterCalls, 'ringmaster_ring_enter_calls_total')
    between(totals.wakeups, 'ringmaster_ring_sq_wakeups_total')
    // Each has one for the file service in its worker.
    expect(rings.map(({ ring, client, poller }) => [ring, client > 0, poller])).toEqual([
      [0, false, 'caller'],
      [1, false, 'caller'],
      [0, true, 'caller'],
      [1, true, 'caller'],
    ])
    for (const { ring, client, totals: own } of rings) {
      const of = { ring: String(ring), client: clientLabel(client) }
      between(own.operations, 'ringmaster_operation_completions_total', of)
      between(own.enterCalls, 'ringmaster_ring_enter_calls_total', of)
    }
    for (const { operation, total } of operations)
      between(total, 'ringmaster_operation_completions_total', { operation })
    expect(operations.map(({ operation }) => operation)).toEqual(expect.arrayContaining(['read', 'openat2', 'sendmsg']))
    // A rate is whole operations over the time that is said, and no more than there were.
    const counted = rates.operationsPerSecond * seconds
    expect(counted).toBeCloseTo(Math.round(counted), 3)
    expect(counted).toBeGreaterThan(0)
    const grown = (name: string): number => sum(after, name) - sum(before, name)
    expect(counted).toBeLessThanOrEqual(grown('ringmaster_operation_completions_total') + 0.001)
    expect(rates.bytesPerSecond * seconds).toBeLessThanOrEqual(grown('ringmaster_operation_bytes_total') + 0.001)
    for (const stage of ['queued', 'kernel', 'delivered'] as const) {
      const { p50Ns, p99Ns } = rings.find((ring) => ring.operationsPerSecond > 0)!.stages[stage]
      expect(p50Ns).toBeGreaterThan(0)
      expect(p99Ns).toBeGreaterThanOrEqual(p50Ns)
    }
  })

  it('a quiet daemon: counters are exactly those of /metrics, and nothing is said to happen', async () => {
    const { stdout } = await runCommand(...args('--once', '--json', '--interval', '0.4'))
    const snapshot = JSON.parse(stdout) as Snapshot
    const samples = await scrape()
    expect(snapshot.totals).toEqual({
      operations: sum(samples, 'ringmaster_operation_completions_total'),
      errors: sum(samples, 'ringmaster_operation_errors_total'),
      enterCalls: sum(samples, 'ringmaster_ring_enter_calls_total'),
      wakeups: sum(samples, 'ringmaster_ring_sq_wakeups_total'),
    })
    expect(snapshot.rates.operationsPerSecond).toBe(0)
    expect(snapshot.inFlight).toBe(sum(samples, 'ringmaster_ring_in_flight'))
    for (const { ring, client, sq, cq, inFlightMax } of snapshot.rings) {
      const of = { ring: String(ring), client: clientLabel(client) }
      expect([sq?.entries, cq?.entries, inFlightMax]).toEqual([
        sum(samples, 'ringmaster_ring_sq_entries', of),
        sum(samples, 'ringmaster_ring_cq_entries', of),
        sum(samples, 'ringmaster_ring_in_flight_limit', of),
      ])
    }
  })

  it('files and HTTP clients, the busiest first', async () => {
    const { stdout } = await underLoad(runCommand(...args('--once', '--json', '--interval', '0.5')))
    const { files, clients } = JSON.parse(stdout) as Snapshot
    expect(files?.map(({ file }) => file)).toEqual(['small', 'sub/large'])
    expect(files![0]!.requests).toBeGreaterThan(files![1]!.requests)
    expect(files![1]!.bytesPerSecond).toBeGreaterThan(files![0]!.bytesPerSecond)
    expect(clients.map(({ kind }) => kind).sort()).toEqual(['http', 'thread', 'thread', 'thread'])
    const http = clients.find(({ kind }) => kind === 'http')
    expect(http).toMatchObject({ client: '127.0.0.1' })
    expect(http!.perSecond).toBeGreaterThan(0)
  })
})

describe('SQ threads', () => {
  it('are asleep when there is nothing to do, and wake-ups are those of /metrics', async () => {
    await using other = await startDaemon(folder.path, ['--rings', '1', '--poller', 'kernel'])
    for (let at = 0; at < 3; at++) await (await fetch(`${other.filesUrl}small`)).arrayBuffer()
    let snapshot: Snapshot | undefined
    for (let at = 0; at < 20 && snapshot?.rings[0]?.thread !== 'asleep'; at++) {
      const { stdout } = await runCommand('top', '--admin', other.adminUrl, '--once', '--json')
      snapshot = JSON.parse(stdout) as Snapshot
    }
    const [ring] = snapshot!.rings
    expect([ring?.poller, ring?.thread]).toEqual(['kernel', 'asleep'])
    expect(ring?.cpuShare).toBeLessThan(1)
    const text = await (await fetch(`${other.adminUrl}/metrics`)).text()
    expect(ring?.totals.wakeups).toBe(Number(/^ringmaster_ring_sq_wakeups_total\{.*\} (\d+)$/m.exec(text)?.[1]))
  })
})

describe('text', () => {
  it('no terminal: as --once, without colours and without moving a cursor', async () => {
    const { code, stdout, stderr } = await underLoad(runCommand(...args()))
    expect([code, stderr]).toEqual([0, ''])
    // eslint-disable-next-line no-control-regex
    expect(stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/)
    for (const title of ['RING', 'OPERATION', 'FILE', 'CLIENT']) expect(stdout).toMatch(new RegExp(`^${title}`, 'm'))
    expect(stdout).toMatch(/^sub\/large +\S+ +\S+ +\d+ +\d+/m)
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(120)
  })

  it('--quiet is rings without a header, --verbose every column', async () => {
    const quiet = await runCommand(...args('--once', '--interval', '0.2', '--quiet'))
    expect(quiet.stdout.trimEnd().split('\n')).toEqual(
      ringNames.map((name): unknown => expect.stringMatching(`^\\d\\d:\\d\\d:\\d\\d ${name} `)),
    )
    const { stdout } = await runCommand(...args('--once', '--interval', '0.2', '--verbose'))
    expect(stdout).toMatch(/^RING▲ .* QUE P99 .* DEL P99 .* ADVICE/m)
  })

  it('a locale without UTF-8 gets ASCII', async () => {
    const child = spawnCommand(args('--once', '--interval', '0.2'), { LC_ALL: 'C' })
    let text = ''
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
    expect(await exitCode(child)).toBe(0)
    expect(text).toMatch(/^[\x20-\x7e\n]+$/)
    expect(text).toContain('RING^')
  })

  it('--interval: a line for each ring and interval, and --json one object; who stops reading ends it', async () => {
    const lines = await firstLines(spawnCommand(args('--interval', '0.2')), 9)
    expect(lines[0]).toMatch(/^TIME +RING▲ +POLLER +SQ/)
    expect(lines.slice(1, 9).map((line) => /^\d\d:\d\d:\d\d ([\d.]+) +caller/.exec(line)?.[1])).toEqual([
      ...ringNames,
      ...ringNames,
    ])
    const objects = await firstLines(spawnCommand(args('--interval', '0.2', '--json')), 2)
    const [first, second] = objects.map((line) => JSON.parse(line) as Snapshot)
    expect(second!.atMs).toBeGreaterThan(first!.atMs)
  })

  it('a signal ends it with 128 and its number', async () => {
    const child = spawnCommand(args('--interval', '0.2'))
    await once(child.stdout, 'data')
    child.kill('SIGTERM')
    expect(await exitCode(child)).toBe(143)
  })
})

/** Reads so many lines, then no more; the program has to end by itself. */
async function firstLines(child: Child, count: number): Promise<string[]> {
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
  expect(await eventually(() => text.split('\n').length > count)).toBe(true)
  child.stdout.destroy()
  expect(await exitCode(child)).toBe(0)
  return text.split('\n').slice(0, count)
}

it('the daemon ends: --interval says so, waits, and goes on when it is back; --once is an error', async () => {
  const first = await startDaemon(folder.path, ['--rings', '1'])
  const port = new URL(first.adminUrl).port
  const watching = spawnCommand(['top', '--admin', first.adminUrl, '--interval', '0.2', '--json'])
  const single = spawnCommand(['top', '--admin', first.adminUrl, '--once', '--interval', '60'])
  let [text, complaints, complaint] = ['', '', '']
  watching.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
  watching.stderr.setEncoding('utf8').on('data', (chunk: string) => (complaints += chunk))
  single.stderr.setEncoding('utf8').on('data', (chunk: string) => (complaint += chunk))
  const viewers = async (): Promise<number> =>
    Number(/^ringmaster_live_viewers (\d+)$/m.exec(await (await fetch(`${first.adminUrl}/metrics`)).text())?.[1])
  for (let at = 0; at < 200 && (await viewers()) < 2; at++) await sleep(50)
  expect(await eventually(() => text.includes('\n'))).toBe(true)
  await first[Symbol.asyncDispose]()
  expect(await exitCode(single)).toBe(1)
  // What it has written may come behind its end.
  await expect.poll(() => complaint, { timeout: 10_000 }).toMatch(/has ended the connection: it may have stopped/)
  expect(await eventually(() => complaints.includes('Tried again every second'))).toBe(true)
  await using again = await startDaemon(folder.path, ['--rings', '1', '--admin', `127.0.0.1:${port}`])
  const isBack = (): boolean => text.includes(`"pid":${again.child.pid!},`)
  expect(await eventually(isBack)).toBe(true)
  expect(complaints.match(/Tried again/g)).toHaveLength(1)
  watching.kill('SIGINT')
  expect(await exitCode(watching)).toBe(130)
})
