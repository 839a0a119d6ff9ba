// The page of a report in a real Chromium: whatever the width, no figure is beyond an edge, and each stands beside its column's name.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { columns } from '../../services/bench/format.ts'
import type { BenchReport, RowRound, RowRounds } from '../../services/bench/model.ts'
import { benchPage } from '../../services/bench/page.ts'
import { summarize } from '../../services/bench/summary.ts'
import { hasChromium, startBrowser } from '../metrics/page/browser.ts'

const percentiles = [50, 75, 90, 95, 99, 99.5, 99.9, 99.99, 100]
const noise = { stealShare: 0, otherShare: 0.3, cpuPressureShare: null, ioPressureShare: null, throttledShare: 0 }

const round = (operationsPerSecond: number): RowRound => ({
  operationsPerSecond,
  ...{ bytesPerSecond: operationsPerSecond * 131_072, cpuNsPerOperation: 12_345, p50Ns: 123_456, p99Ns: 9_876_543 },
  spectrum: percentiles.map((percentile) => [percentile, percentile * 10_000]),
  noise,
  paced: { offeredPerSecond: 20_000, achievedPerSecond: 19_999, p50Ns: 1e5, p99Ns: 1e6, p999Ns: 1e7 },
  used: '1 ring, poller kernel',
})

const row = (name: string, perSecond: readonly number[]): RowRounds => ({
  ...{ name, title: name, missing: [] },
  rounds: perSecond.map(round),
})

function reportOf(): BenchReport {
  const rows = [
    row('ringmaster', [1_234_567, 1_334_567, 1_134_567]),
    row('threadpool', [234_567, 334_567, 134_567]),
    row('fs.promises', [123_456, 123_456, 99_456]),
  ]
  const scenario = { workload: 'sequential-read', blockBytes: 131_072, depth: 8 } as const
  return {
    machine: '2 CPUs, Linux 6.12.0, Node 22.0.0',
    data: `/srv/${'very-long-folder-without-a-gap'.repeat(6)}/data.mdb (4096 MiB)`,
    ...{ cache: 'cached', rounds: 3, seconds: 1 },
    scenarios: [summarize(scenario, rows)],
    skipped: [{ scenario: { ...scenario, workload: 'small-files' }, reason: 'there are no files of up to 1 MiB' }],
    interrupted: false,
    says: 'Here, Ringmaster pays for sequential reads.',
  }
}

describe.skipIf(!hasChromium)('the page of a report', () => {
  let browser: Browser
  let folder: string
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'ringmaster-test-'))
    writeFileSync(join(folder, 'report.html'), benchPage(reportOf()))
    browser = await startBrowser()
  })
  afterAll(async () => {
    await browser.close()
    rmSync(folder, { recursive: true })
  })

  it.each([320, 390, 500, 760, 761, 1280])('%i px wide: nothing is hidden or beyond an edge', async (width) => {
    const page = await browser.newPage({ viewport: { width, height: 800 } })
    await page.goto(pathToFileURL(join(folder, 'report.html')).href)
    await page.waitForSelector('.u-legend')
    const seen = await page.evaluate<{ sidewaysPx: number; hidden: string[]; columns: string[] }>(`({
      sidewaysPx: document.documentElement.scrollWidth - innerWidth,
      hidden: [...document.querySelectorAll('.figures td')]
        .filter((cell) => cell.textContent !== '')
        .filter((cell) => {
          const { left, right, width } = cell.getBoundingClientRect()
          const box = cell.closest('.figures').getBoundingClientRect()
          return width === 0 || left < box.left - 1 || right > box.right + 1 || cell.scrollWidth > cell.clientWidth + 1
        })
        .map((cell) => cell.textContent),
      columns: [...document.querySelector('.figures tbody tr').children].map((cell) =>
        getComputedStyle(cell, '::before').content.replaceAll('"', '')),
    })`)
    expect(seen.sidewaysPx).toBeLessThanOrEqual(0)
    expect(seen.hidden).toEqual([])
    if (width <= 760) expect(seen.columns.slice(1)).toEqual(columns.slice(1))
    // For a screen reader it is a table at any width.
    expect(await page.getByRole('columnheader').count()).toBeGreaterThanOrEqual(columns.length)
    expect(await page.getByRole('cell', { name: /12\d k/ }).count()).toBeGreaterThan(0)
    await page.close()
  })
})
