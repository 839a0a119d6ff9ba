// The page of `ringmaster tune --html` in a real browser: nothing is asked of anybody, nothing is refused by its own policy, nothing sticks out.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { reportPage } from '../../services/tune/report/page.ts'
import { hasChromium, startBrowser } from '../metrics/page/browser.ts'
import { machineNamed, simulatedReport } from './report-world.ts'
import { ordinary } from './simulated-machine.ts'

const sizes = [
  { width: 1280, height: 900 },
  { width: 800, height: 900 },
  { width: 390, height: 844 },
]

/** Evaluated in the page: texts of plots that stick out of their plot. */
const lettersOutside = `[...document.querySelectorAll('svg text')].filter((text) => {
  const box = text.getBoundingClientRect()
  const frame = text.closest('svg').getBoundingClientRect()
  return box.left < frame.left - 1 || box.right > frame.right + 1 || box.top < frame.top - 1 || box.bottom > frame.bottom + 1
}).map((text) => text.textContent)`

/** Likewise: texts of the map of the disk that overlap. */
const lettersOverlapping = `(() => {
  const maps = [...document.querySelectorAll('svg[aria-label^="p99 of reads"]')].filter((map) => map.getBoundingClientRect().width > 0)
  const texts = maps.flatMap((map) => [...map.querySelectorAll('text')].map((text) => [text.textContent, text.getBoundingClientRect()]))
  if (texts.length < 25) return ['there is no map']
  return texts.flatMap(([one, a], at) => texts.slice(at + 1)
    .filter(([, b]) => a.left < b.right && b.left < a.right && a.top + 3 < b.bottom && b.top + 3 < a.bottom)
    .map(([other]) => one + ' / ' + other))
})()`

/** Likewise: cells of what was not chosen that are not to be seen, or not without scrolling. */
const cellsOutside = `[...document.querySelectorAll('.because td')].filter((cell) => {
  const box = cell.getBoundingClientRect()
  return box.width === 0 || box.height === 0 || box.right > document.documentElement.clientWidth
}).map((cell) => cell.textContent)`

/** Likewise: what is said before each cell of a row. */
const columnsShown = `[...document.querySelectorAll('.because tbody tr:first-child td')].map((cell) => cell.dataset.column ?? '')`

describe.skipIf(!hasChromium)('the page', () => {
  let browser: Browser
  let folder: string
  let url: string
  let refusedUrl: string
  let tried: number

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'ringmaster-report-'))
    const machine = machineNamed('16 CPUs, fast disk')
    const report = await simulatedReport({ machine, workload: 'random-read', disturbance: ordinary, seed: 1 })
    tried = report.search!.tried.filter(({ legs }) => legs > 0).length
    const file = join(folder, 'report.html')
    writeFileSync(file, reportPage(report))
    url = pathToFileURL(file).href
    const search = report.search!
    const outcome = { kind: 'refused', noise: 'spread', why: 'a test', figures: search.noise } as const
    const refused = { ...report, search: { ...search, outcome, used: search.before.layout } }
    writeFileSync(join(folder, 'refused.html'), reportPage(refused))
    refusedUrl = pathToFileURL(join(folder, 'refused.html')).href
    browser = await startBrowser()
  })
  afterAll(async () => {
    await browser.close()
    rmSync(folder, { recursive: true })
  })

  it.each(sizes.flatMap((size) => (['light', 'dark'] as const).map((scheme) => [size.width, scheme, size] as const)))(
    '%i pixels wide, %s',
    async (width, colorScheme, viewport) => {
      const context = await browser.newContext({ viewport, colorScheme })
      const page = await context.newPage()
      const said: string[] = []
      const asked: string[] = []
      page.on('console', (message) => said.push(message.text()))
      page.on('pageerror', (error) => said.push(error.message))
      page.on('request', (request) => asked.push(request.url()))
      await page.goto(url)
      expect(said).toEqual([])
      expect(asked).toEqual([url])
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width)
      // The style is not refused: with it, one of the two drawings of each plot is shown.
      const shown = page.locator(`.${width > 720 ? 'wide' : 'narrow'} .point`)
      const hidden = page.locator(`.${width > 720 ? 'narrow' : 'wide'} .point`)
      expect(await shown.count()).toBe(tried)
      expect(await shown.first().isVisible()).toBe(true)
      expect(await hidden.first().isVisible()).toBe(false)
      expect(await page.locator('h2').allTextContents()).toEqual([
        "The machine's limits",
        'The choice',
        'Not chosen, because',
        'What was tried',
      ])
      for (const summary of await page.locator('summary').all()) await summary.click()
      expect(await page.locator('details:has(.all) tbody tr').count()).toBeGreaterThanOrEqual(tried)
      // The map of the disk is there as a picture and as a table, and no figure runs into its neighbour's.
      expect(await page.locator('details:not(:has(.all)) tbody tr').count()).toBe(25)
      expect(await page.evaluate(lettersOverlapping)).toEqual([])
      expect(await page.evaluate(lettersOutside)).toEqual([])
      await context.close()
    },
  )

  it.each(sizes.map((size) => [size.width, size] as const))(
    'of a search that refused to choose names the two in its plots, whole, %i pixels wide',
    async (width, viewport) => {
      const page = await browser.newPage({ viewport })
      await page.goto(refusedUrl)
      const labels = await page.locator(`.${width > 720 ? 'wide' : 'narrow'} .label`).allTextContents()
      expect(labels).toEqual(expect.arrayContaining(['now', 'best found']))
      expect(labels).not.toContain('kept')
      expect(await page.evaluate(lettersOutside)).toEqual([])
      await page.close()
    },
  )

  it('shows on a telephone every column of what was not chosen, told by its name', async () => {
    const page = await browser.newPage({ viewport: { width: 390, height: 844 } })
    await page.goto(url)
    expect(await page.evaluate(cellsOutside)).toEqual([])
    expect(await page.evaluate(columnsShown)).toEqual(['', 'work', 'CPU', 'p99', 'legs', 'because'])
    await page.close()
  })
})
