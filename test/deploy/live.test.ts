// Rules and dashboards against the real thing: a daemon under load, scraped by a Prometheus with these rules. Every expression evaluates,
// asks for metrics that there are, and has values; nothing fires at a daemon that is well.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { dashboardFiles } from '../../deploy/grafana/dashboards.ts'
import { startDaemon, type Daemon } from '../cli/command.ts'
import { familyOf, metricNames } from './metric-names.ts'
import { startPrometheus, withoutPrometheus, type PrometheusServer } from './prometheus-server.ts'
import { rules } from './prometheus/promtool.ts'

/** What Prometheus makes itself. */
const ofPrometheus = new Set(['up', 'ALERTS', 'scrape_duration_seconds'])

/** Has no values at a daemon that is well, for a reason. */
const emptyForAReason = (expr: string): boolean =>
  // The file system may have no fixed number of inodes.
  expr.includes('ringmaster_storage_inodes') ||
  // There are no registered buffers unless they are asked for.
  expr.includes('ringmaster_arena_')

const fileBytes = 1024 * 1024

interface Panel {
  readonly id: number
  readonly type: string
  readonly title: string
  readonly description?: string
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number }
  readonly fieldConfig?: { readonly defaults: { readonly unit?: string } }
  readonly targets?: readonly { readonly expr: string; readonly refId: string }[]
}

interface Dashboard {
  readonly uid: string
  readonly panels: readonly Panel[]
  readonly templating: { readonly list: readonly { readonly name: string; readonly query?: string }[] }
}

const dashboards = Object.values(dashboardFiles).map((text) => JSON.parse(text) as Dashboard)
const targets = dashboards.flatMap(({ uid, panels }) =>
  panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr, refId }) => ({ title: `${uid}: ${title} ${refId}`, expr })),
  ),
)

/** As Grafana would send it: all jobs, instances and rings. */
const withoutVariables = (expr: string): string =>
  expr.replaceAll(/\$(job|instance|ring)\b/g, '.*').replaceAll('$__rate_interval', '15s')

const recorded = new Map(rules.flatMap(({ record, expr }) => (record === undefined ? [] : [[record, expr]])))

/** The families that an expression comes from, through what is recorded: from itself as it was before, too. */
const families = (expr: string, through: readonly string[] = []): string[] =>
  metricNames(expr).flatMap((name) => {
    const source = recorded.get(name)
    if (through.includes(name)) return []
    return source === undefined ? [familyOf(name)] : families(source, [...through, name])
  })

/** Whether an expression should have values at this daemon. */
const hasValues = (expr: string): boolean => !emptyForAReason(expr)

describe.each(dashboards.map((dashboard) => [dashboard.uid, dashboard] as const))('dashboard %s', (_uid, dashboard) => {
  const { panels } = dashboard

  it('has panels with numbers, titles, descriptions and units', () => {
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length)
    expect(new Set(panels.map(({ title }) => title)).size).toBe(panels.length)
    for (const { type, title, description, fieldConfig, targets } of panels) {
      if (type === 'row') continue
      expect(description, title).toMatch(/[.?]$/)
      expect(fieldConfig?.defaults.unit, title).toMatch(/^\w+$/)
      expect(targets?.length, title).toBeGreaterThan(0)
    }
  })

  it('has no two panels in one place', () => {
    const taken = new Set<string>()
    for (const { title, gridPos } of panels) {
      expect(gridPos.x + gridPos.w, title).toBeLessThanOrEqual(24)
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          expect(taken.has(`${x} ${y}`), title).toBe(false)
          taken.add(`${x} ${y}`)
        }
      }
    }
  })

  it('asks for what is chosen at the top', () => {
    expect(dashboard.templating.list.map(({ name }) => name)).toEqual(['datasource', 'job', 'instance', 'ring'])
    for (const { title, targets = [] } of panels) {
      for (const { expr } of targets) expect(expr, title).toContain('job=~"$job",instance=~"$instance"')
    }
  })
})

describe.skipIf(withoutPrometheus)('a Prometheus that scrapes a daemon under load', () => {
  const root = mkdtempSync(join(tmpdir(), 'ringmaster-live-'))
  let daemon: Daemon
  let prometheus: PrometheusServer
  let loading: Promise<void>
  let stopped = false

  beforeAll(async () => {
    writeFileSync(join(root, 'file.bin'), Buffer.alloc(fileBytes, 7))
    // With an SQ thread: the only poller that has every series.
    daemon = await startDaemon(root, ['--poller', 'kernel', '--rings', '1'])
    prometheus = await startPrometheus(new URL(daemon.adminUrl).host)
    loading = (async () => {
      while (!stopped) {
        await (await fetch(`${daemon.filesUrl}file.bin`)).arrayBuffer()
        await (await fetch(`${daemon.filesUrl}missing`)).arrayBuffer()
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    })()
    const ready = async (): Promise<boolean> => {
      const latency = await prometheus.query('instance_operation:ringmaster_operation_kernel_seconds:p99_rate5m > 0')
      const slow = await prometheus.query('instance:ringmaster_operation_kernel_seconds_slow:ratio_rate3d >= 0')
      return latency.length > 0 && slow.length > 0
    }
    await vi.waitUntil(ready, { timeout: 50_000, interval: 250 })
  })

  afterAll(async () => {
    stopped = true
    await loading
    await prometheus[Symbol.asyncDispose]()
    await daemon[Symbol.asyncDispose]()
    rmSync(root, { recursive: true })
  })

  it('evaluates every rule without an error', async () => {
    const evaluated = async (): Promise<string[]> => {
      const { groups } = (await prometheus.get('/api/v1/rules')) as {
        groups: { rules: { name: string; health: string; lastError?: string }[] }[]
      }
      const all = groups.flatMap((group) => group.rules)
      expect(all).toHaveLength(rules.length)
      return all
        .filter(({ health }) => health !== 'ok')
        .map(({ name, health, lastError }) => `${name}: ${health} ${lastError}`)
    }
    await expect.poll(evaluated, { timeout: 20_000 }).toEqual([])
  })

  it('finds every metric that rules and dashboards ask for', async () => {
    const text = await (await fetch(`${daemon.adminUrl}/metrics`)).text()
    const exported = new Set([...text.matchAll(/^# TYPE (\S+)/gm)].map((match) => match[1]!))
    const known = new Set([...exported, ...ofPrometheus])
    const asked = [...rules, ...targets].flatMap(({ expr }) => families(expr))
    const variables = dashboards.flatMap(({ templating }) => templating.list.map(({ query }) => query ?? ''))
    const named = variables.flatMap((query) => /label_values\((\w+)/.exec(query)?.[1] ?? [])
    expect(asked.length).toBeGreaterThan(100)
    for (const name of [...asked, ...named]) expect(known, name).toContain(name)
  })

  it.each([...recorded])('has values of %s', async (record, expr) => {
    await expect
      .poll(() => prometheus.query(record), { timeout: 20_000 })
      .toEqual(hasValues(`${record} ${expr}`) ? expect.arrayContaining([expect.anything()]) : expect.anything())
  })

  it.each(targets.map(({ title, expr }) => [title, expr] as const))('shows %s', async (_title, expr) => {
    const result = async (): Promise<number> => (await prometheus.query(withoutVariables(expr))).length
    if (hasValues(expr)) await expect.poll(result, { timeout: 20_000 }).toBeGreaterThan(0)
    else expect(await result()).toBeGreaterThanOrEqual(0)
  })

  it('lets no alert fire', async () => {
    const firing = await prometheus.query('ALERTS{alertstate="firing"}')
    expect(firing.map(({ metric }) => metric)).toEqual([])
  })

  it('agrees with the daemon about what was read', async () => {
    stopped = true
    await loading
    const counted = async (): Promise<number> => {
      const [sample] = await prometheus.query('sum(ringmaster_operation_bytes_total{operation="read"})')
      return Number(sample?.value[1])
    }
    const text = await (await fetch(`${daemon.adminUrl}/metrics`)).text()
    const readBytes = Number(/^ringmaster_operation_bytes_total\{.*operation="read".*\} (\d+)$/m.exec(text)?.[1])
    expect(readBytes).toBeGreaterThan(0)
    expect(readBytes % fileBytes).toBe(0)
    await expect.poll(counted, { timeout: 20_000 }).toBe(readBytes)
  })
})
