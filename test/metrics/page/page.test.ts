// The live page in a real browser, on a program under load: what it shows is what /metrics says, its controls work, it asks nobody else,
// and nothing is built for it once nobody looks.
import { mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Browser, BrowserContextOptions, Page, Route } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { liveVersion } from '../../../metrics/live-protocol.ts'
import { hasChromium, startBrowser, startDemo, traceFixture, type Demo } from './browser.ts'

/** For people to look at: they are not compared. */
const pictures = fileURLToPath(new URL('../../../coverage/page/', import.meta.url))
const published = 'ringmaster_ring_published_entries_total{ring="0"}'
const waitMs = 30_000

describe.skipIf(!hasChromium)('the live page', () => {
  let browser: Browser
  let demo: Demo
  const said: string[] = []
  const asked: string[] = []
  beforeAll(async () => {
    mkdirSync(pictures, { recursive: true })
    demo = await startDemo('--load', 'light', '--trace', traceFixture())
    browser = await startBrowser()
  })
  afterAll(async () => {
    await browser.close()
    await demo.stop()
  })
  afterEach(async () => {
    await Promise.all(browser.contexts().map((context) => context.close()))
    said.length = 0
    asked.length = 0
  })

  async function open(options: BrowserContextOptions = {}, url = demo.url): Promise<Page> {
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options })
    const page = await context.newPage()
    page.setDefaultTimeout(waitMs)
    page.on('console', (message) => said.push(`${message.type()}: ${message.text()}`))
    page.on('pageerror', (error) => said.push(String(error)))
    page.on('request', (request) => asked.push(request.url()))
    await page.goto(url)
    return page
  }
  const live = (page: Page): Promise<void> => page.locator('#connection[data-state=live]').waitFor()
  const exact = (page: Page, counter: string): Promise<number> =>
    page.locator(`tr[data-counter=${counter}] [data-exact]`).getAttribute('data-exact').then(Number)
  const text = (page: Page, id: string): Promise<string> => page.locator(`#${id}`).innerText()

  it('shows the numbers of /metrics', async () => {
    const page = await open()
    await live(page)
    const before = await demo.metric(published)
    // The first frame that is as new as the scrape.
    await expect.poll(() => exact(page, 'publishedEntries'), { timeout: waitMs }).toBeGreaterThanOrEqual(before)
    const shown = await exact(page, 'publishedEntries')
    const after = await demo.metric(published)
    expect(shown).toBeGreaterThanOrEqual(before)
    expect(shown).toBeLessThanOrEqual(after)
    expect(await text(page, 'caption-sq')).toMatch(/Submission queue\s+\d+\s+waiting of 1,024/)
    expect(await text(page, 'legend')).toContain('read')
    expect(await text(page, 'verdict-title')).not.toBe('…')
  })

  it('draws: circles, latency and charts are not empty, and what they draw changes', async () => {
    const page = await open()
    await live(page)
    await page.locator('#throughput canvas').waitFor()
    const colours = (id: string): Promise<number> =>
      page.evaluate<number>(`{
        const element = document.getElementById('${id}')
        const { data } = element.getContext('2d').getImageData(0, 0, element.width, element.height)
        const found = new Set()
        for (let at = 0; at < data.length; at += 4)
          if (data[at + 3] === 255) found.add((data[at] << 16) | (data[at + 1] << 8) | data[at + 2])
        found.size
      }`)
    await expect.poll(() => colours('stage-canvas'), { timeout: waitMs }).toBeGreaterThan(5)
    await expect.poll(() => colours('heat-canvas'), { timeout: waitMs }).toBeGreaterThan(5)
    const before = await page.locator('#stage-canvas').screenshot()
    await expect
      .poll(async () => (await page.locator('#stage-canvas').screenshot()).equals(before), { timeout: waitMs })
      .toBe(false)
  })

  it('has a chart of operations whose layers add up to what its legend calls all', async () => {
    const page = await open()
    await live(page)
    // Read at once: the legend changes with every frame.
    const read = (): Promise<string[]> =>
      page.evaluate<string[]>(
        `[...document.querySelectorAll('#throughput .u-series:not(:first-child)')].map((one) => one.textContent)`,
      )
    const figureOf = (said: string): number => {
      const [, digits, letter] = /([\d.]+)(k?)\/s$/.exec(said) ?? []
      return Number(digits) * (letter === 'k' ? 1000 : 1)
    }
    await expect.poll(async () => figureOf((await read()).at(-1) ?? ''), { timeout: waitMs }).toBeGreaterThan(50)
    const said = await read()
    const figures = said.map(figureOf)
    const all = figures.pop()!
    const sum = figures.reduce((total, figure) => total + figure, 0)
    expect(said.at(-2)).toContain('other')
    expect(said.join()).not.toMatch(/nop|–/)
    // Each is rounded to three figures.
    expect(Math.abs(sum - all)).toBeLessThan(all * 0.02 + figures.length)
  })

  it('says nothing on the console and asks nobody but its own server', async () => {
    const page = await open()
    await live(page)
    await page.locator('#throughput canvas').waitFor()
    await page.keyboard.press('m')
    await page.locator('#slow-controls').waitFor()
    expect(said).toEqual([])
    const paths = asked.filter((url) => !url.startsWith('data:')).map((url) => url.replace(demo.url, ''))
    expect([...new Set(paths)].sort()).toEqual(['/', '/live', '/trace?seconds=1&format=events'])
  })

  it('allows no script, no style and no frame that is not its own', async () => {
    const response = await fetch(demo.url, { headers: { accept: 'text/html' } })
    const policy = response.headers.get('content-security-policy') ?? ''
    expect(policy).toMatch(/default-src 'none'; script-src 'sha256-[\w+/=]+'; style-src 'sha256-[\w+/=]+';/)
    expect(policy).toContain("frame-ancestors 'none'")
    expect(policy).not.toContain('unsafe')
    const page = await open()
    await page.evaluate(`{
      const script = document.createElement('script')
      script.textContent = 'document.title = "injected"'
      document.body.append(script)
    }`)
    expect(await page.title()).toBe('Ringmaster, live')
  })

  it('is text for who asks for no page, and packed for who takes that', async () => {
    expect(await (await fetch(demo.url)).text()).toContain('/metrics')
    const packed = await fetch(demo.url, { headers: { accept: 'text/html', 'accept-encoding': 'gzip' } })
    expect(packed.headers.get('content-encoding')).toBe('gzip')
    expect(Number(packed.headers.get('content-length'))).toBeLessThan(60_000)
    expect(await packed.text()).toContain('<!doctype html>')
  })

  it('shows names from outside as text', async () => {
    const page = await open()
    await live(page)
    await expect.poll(() => text(page, 'jobs'), { timeout: waitMs }).toContain('<img src=x onerror=alert(1)>.iso')
    expect(await page.locator('#jobs img').count()).toBe(0)
  })

  it('says where each number comes from, on hover and on focus', async () => {
    const page = await open()
    await live(page)
    const figure = page.locator('#headline dd').first()
    await figure.hover()
    expect(await text(page, 'tooltip')).toContain('ringmaster_operation_completions_total')
    await page.keyboard.press('Escape')
    await page.locator('#tooltip').waitFor({ state: 'hidden' })
    await figure.focus()
    expect(await text(page, 'tooltip')).toContain('ringmaster_operation_completions_total')
    // A number that a sentence has is one, too.
    await page.locator('#verdict-sentence[data-source]').hover()
    expect(await text(page, 'tooltip')).toContain('ringmaster_ring_published_entries_total')
    const without = await page.evaluate<string[]>(`
      [...document.querySelectorAll('main dd, main td, main .caption, #verdict-sentence')]
        .filter((element) => /\\d/.test(element.textContent) && element.closest('#jobs, #errors') === null)
        .filter((element) => element.closest('[data-source]') === null)
        .map((element) => element.outerHTML)`)
    expect(without).toEqual([])
  })

  it('can be used by keyboard alone', async () => {
    const page = await open()
    await live(page)
    const reached = new Set<string>()
    for (let presses = 0; presses < 40 && !reached.has('slow-record'); presses++) {
      await page.keyboard.press('Tab')
      reached.add(await page.evaluate<string>("document.activeElement?.id ?? ''"))
    }
    for (const id of ['pause', 'tour-open', 'scheme', 'help-open', 'slow-record']) expect(reached).toContain(id)
    await page.locator('body').click({ position: { x: 5, y: 60 } })
    await page.keyboard.press('?')
    expect(await page.locator('#help').getAttribute('open')).not.toBeNull()
    expect(await text(page, 'help-keys')).toContain('slow motion')
    await page.keyboard.press('Escape')
    expect(await page.locator('#help').getAttribute('open')).toBeNull()
    const scheme = await page.locator('html').getAttribute('data-scheme')
    await page.keyboard.press('d')
    expect(await page.locator('html').getAttribute('data-scheme')).not.toBe(scheme)
    await page.keyboard.press('t')
    for (let step = 1; step <= 5; step++) {
      expect(await text(page, 'tour-step')).toBe(`${step} of 5`)
      await page.keyboard.press('Enter')
    }
    expect(await page.locator('#tour').isHidden()).toBe(true)
  })

  it('plays slow motion: play, pause, step, scrub, and back', async () => {
    const page = await open()
    await live(page)
    await page.locator('#slow-record').click()
    await page.locator('#slow-controls').waitFor()
    expect(await text(page, 'slow-note')).toMatch(
      /one in 4 recorded, of all rings 3 completions left out, for which an answer has no place/,
    )
    await page.locator('#slow-play').click()
    expect(await text(page, 'slow-play')).toBe('Play')
    const atUs = async (): Promise<number> => Number((await text(page, 'slow-time')).replace(' µs', ''))
    const before = await atUs()
    await page.locator('#slow-forward').click()
    const stepped = await atUs()
    expect(stepped).toBeGreaterThan(before)
    await page.locator('#slow-back').click()
    expect(await atUs()).toBeLessThan(stepped)
    await page.locator('#slow-scrub').fill('5000')
    expect(await atUs()).toBe(5000)
    await page.locator('#slow-scrub').press('n')
    expect(await atUs()).toBeGreaterThan(5000)
    expect(await text(page, 'caption-sq')).toContain('slow motion')
    await page.screenshot({ path: `${pictures}slow-motion.png` })
    await page.keyboard.press('Escape')
    await page.locator('#slow-scrub').blur()
    await page.keyboard.press('Escape')
    expect(await page.locator('#slow-controls').isHidden()).toBe(true)
  })

  it('closes with one press of Esc one thing: a tooltip, the tour, then slow motion', async () => {
    const page = await open()
    await live(page)
    const isSlow = (): Promise<boolean> => page.locator('#slow-controls').isVisible()
    await page.keyboard.press('m')
    await page.locator('#slow-controls').waitFor()
    await page.locator('#headline dd').first().focus()
    await page.locator('#tooltip').waitFor()
    await page.keyboard.press('Escape')
    expect([await page.locator('#tooltip').isVisible(), await isSlow()]).toEqual([false, true])
    await page.keyboard.press('t')
    await page.locator('#tour').waitFor()
    await page.keyboard.press('Escape')
    expect([await page.locator('#tour').isVisible(), await isSlow()]).toEqual([false, true])
    await page.keyboard.press('Escape')
    expect(await isSlow()).toBe(false)
  })

  it('says in the title that it is slow motion, also while the page is paused', async () => {
    const page = await open()
    await live(page)
    await page.locator('#pause').click()
    await page.keyboard.press('m')
    await page.locator('#slow-controls').waitFor()
    expect(await text(page, 'stage-title')).toBe('Ring 0, slow motion')
    await page.keyboard.press('Escape')
    expect(await text(page, 'stage-title')).toBe('Ring 0')
  })

  it('ends slow motion when another process answers, and says so', async () => {
    const page = await open()
    await live(page)
    await page.keyboard.press('m')
    await page.locator('#slow-controls').waitFor()
    const about = { liveVersion, version: '', host: 'elsewhere', pid: 7, startedMs: 0, node: '', kernel: '' }
    const body = `event: about\ndata: ${JSON.stringify({ ...about, effectiveCpus: 1, wakeCostNs: 0, spinNs: 0, placement: '' })}\n\n`
    await page.route('**/live', (route) => route.fulfill({ contentType: 'text/event-stream', body }))
    await page.locator('#pause').click()
    await page.locator('#pause').click()
    await page.locator('#slow-controls').waitFor({ state: 'hidden' })
    expect(await text(page, 'slow-note')).toMatch(
      /^Slow motion is over: that was a recording of the process before, pid \d+/,
    )
  })

  it('saves a trace, or says why there is none', async () => {
    const page = await open()
    await live(page)
    const download = page.waitForEvent('download')
    await page.locator('#slow-download').click()
    expect((await download).suggestedFilename()).toBe('ringmaster-trace.json')
    await expect.poll(() => text(page, 'slow-note'), { timeout: waitMs }).toContain('open it at ui.perfetto.dev')
    await page.route('**/trace?*', (route) => route.fulfill({ status: 429, body: 'two traces are recorded' }))
    await page.locator('#slow-download').click()
    const refused = 'Nothing to save: two traces are recorded'
    await expect.poll(() => text(page, 'slow-note'), { timeout: waitMs }).toBe(refused)
  })

  it('lets the server rest while it is paused, hidden or closed', async () => {
    const page = await open()
    await live(page)
    const viewers = (): Promise<number> => demo.metric('ringmaster_live_viewers')
    const frames = (): Promise<number> => demo.metric('ringmaster_live_frames_total')
    expect(await viewers()).toBe(1)
    const rests = async (): Promise<void> => {
      await expect.poll(viewers, { timeout: waitMs }).toBe(0)
      const built = await frames()
      await page.waitForTimeout(700)
      expect(await frames()).toBe(built)
    }
    await page.locator('#pause').click()
    expect(await text(page, 'connection')).toBe('paused')
    await rests()
    await page.locator('#pause').click()
    await live(page)
    expect(await viewers()).toBe(1)
    await page.evaluate(`{
      Object.defineProperty(document, 'hidden', { value: true, configurable: true })
      document.dispatchEvent(new Event('visibilitychange'))
    }`)
    await rests()
  })

  it.each([
    { width: 1440, height: 900, colorScheme: 'light' },
    { width: 1440, height: 900, colorScheme: 'dark' },
    { width: 390, height: 844, colorScheme: 'light' },
    { width: 390, height: 844, colorScheme: 'dark' },
  ] as const)('fits $width×$height, $colorScheme', async ({ width, height, colorScheme }) => {
    const page = await open({ viewport: { width, height }, colorScheme, reducedMotion: 'reduce' })
    await live(page)
    await page.locator('#throughput canvas').waitFor()
    expect(await page.locator('html').getAttribute('data-scheme')).toBe(colorScheme)
    expect(await page.evaluate<number>('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width)
    await page.screenshot({ path: `${pictures}${colorScheme}-${width}.png` })
  })
})

describe.skipIf(!hasChromium)('the live page of other programs', () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await startBrowser()
  })
  afterAll(() => browser.close())

  it('shows sixteen rings, says that there are no traces, and that the process is gone', async () => {
    const demo = await startDemo('--rings', '16', '--poller', 'caller', '--load', 'none')
    const page = await browser.newPage()
    page.setDefaultTimeout(waitMs)
    await page.goto(demo.url)
    await page.locator('#connection[data-state=live]').waitFor()
    expect(await page.locator('#rings button').count()).toBe(16)
    await page.keyboard.press('ArrowRight')
    expect(await page.locator('#stage-title').innerText()).toBe('Ring 1')
    await page.keyboard.press('m')
    await expect.poll(() => page.locator('#slow-note').innerText(), { timeout: waitMs }).toContain('offers no traces')
    await demo.stop()
    await page.locator('#connection:not([data-state=live])').waitFor()
    expect(await page.locator('#notice').isVisible()).toBe(true)
  })
  it('gives up a recording for Esc and for another ring, and never plays it under another name', async () => {
    const demo = await startDemo('--rings', '2', '--load', 'none')
    const page = await browser.newPage()
    page.setDefaultTimeout(waitMs)
    await page.goto(demo.url)
    await page.locator('#connection[data-state=live]').waitFor()
    const held: Route[] = []
    await page.route('**/trace?*', (route) => void held.push(route))
    const note = (): Promise<string> => page.locator('#slow-note').innerText()
    for (const [count, key] of ['Escape', 'ArrowRight'].entries()) {
      // Again until it is heard: Chromium drops keys that come before a page's first paint, which on a busy machine
      // may be later than its first frame of /live. While it records, the key does nothing.
      const recordings = async (): Promise<number> => {
        await page.keyboard.press('m')
        return held.length
      }
      await expect.poll(recordings, { timeout: waitMs }).toBe(count + 1)
      expect(await note()).toContain('Recording')
      await page.keyboard.press(key)
      expect(await note()).toContain('Records a second')
      await held[count]!.fulfill({ body: traceFixture() }).catch(() => undefined)
      expect(await page.locator('#slow-controls').isHidden()).toBe(true)
    }
    expect(await page.locator('#stage-title').innerText()).toBe('Ring 1')
    await page.keyboard.press('ArrowLeft')
    await page.keyboard.press('m')
    await expect.poll(() => held.length, { timeout: waitMs }).toBe(3)
    await held[2]!.fulfill({ body: traceFixture() })
    await page.locator('#slow-controls').waitFor()
    expect(await note()).toContain('ring 0: 200 completions within')
    await page.close()
    await demo.stop()
  })
})
