// What of the live page can be reached and read: by keyboard, at every width, with many rings, and when the process stands still, ends
// or is another. In a real browser.
import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { hasChromium, startBrowser, startDemo, type Demo } from './browser.ts'

const waitMs = 30_000

describe.skipIf(!hasChromium)('the live page, reached and read', () => {
  let browser: Browser
  let demo: Demo
  const others: Demo[] = []
  beforeAll(async () => {
    demo = await startDemo('--rings', '2', '--poller', 'worker', '--load', 'light')
    browser = await startBrowser()
  })
  afterAll(async () => {
    await browser.close()
    await demo.stop()
  })
  afterEach(async () => {
    await Promise.all(browser.contexts().map((context) => context.close()))
    await Promise.all(others.splice(0).map((other) => other.stop()))
  })

  async function open(url: string, width = 1440): Promise<Page> {
    const context = await browser.newContext({ viewport: { width, height: 900 }, reducedMotion: 'reduce' })
    const page = await context.newPage()
    page.setDefaultTimeout(waitMs)
    await page.goto(url)
    await page.locator('#connection[data-state=live]').waitFor()
    await page.locator('#throughput canvas').waitFor()
    await page.locator('#stages td').first().waitFor({ state: 'attached' })
    return page
  }
  async function startOther(...args: string[]): Promise<Demo> {
    const other = await startDemo(...args)
    others.push(other)
    return other
  }
  const text = (page: Page, id: string): Promise<string> => page.locator(`#${id}`).innerText()

  it('has few stops of the Tab key, however many numbers there are, and a way past them', async () => {
    const page = await open(demo.url)
    const numbers = await page.locator('[data-source]').count()
    const stops = await page.evaluate<number>(
      `[...document.querySelectorAll('a[href], button, select, input, [tabindex]')]
        .filter((one) => one.tabIndex >= 0 && one.offsetParent !== null && !one.disabled).length`,
    )
    expect(numbers).toBeGreaterThan(80)
    expect(stops).toBeLessThan(40)
    await page.keyboard.press('Tab')
    expect(await page.evaluate<string>('document.activeElement.textContent')).toBe('Skip to the ring')
    await page.keyboard.press('Enter')
    expect(await page.evaluate<string>('document.activeElement.id')).toBe('stage-card')
  })

  it('has arrow keys move among numbers, without choosing another ring', async () => {
    const page = await open(demo.url)
    const focused = (): Promise<string> =>
      page.evaluate<string>("document.activeElement.closest('tr')?.dataset.counter + document.activeElement.cellIndex")
    await page.locator('[data-counter=requests] [data-exact]').focus()
    for (const [key, at] of [
      ['ArrowRight', 'requests2'],
      ['ArrowDown', 'completions2'],
      ['ArrowLeft', 'completions1'],
      ['ArrowUp', 'requests1'],
      ['End', 'heartbeats2'],
      ['Home', 'requests1'],
    ] as const) {
      await page.keyboard.press(key)
      expect([key, await focused()]).toEqual([key, at])
    }
    expect(await text(page, 'stage-title')).toBe('Ring 0')
    // Where it was left it is entered again.
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('Tab')
    await page.keyboard.press('Shift+Tab')
    expect(await focused()).toBe('completions1')
  })

  it('tells of every number that is in focus where it comes from, also when that scrolls the page', async () => {
    const page = await open(demo.url, 720)
    const silent = await page.evaluate<string[]>(`(async () => {
      const silent = []
      const tooltip = document.getElementById('tooltip')
      for (const number of document.querySelectorAll('[data-source]')) {
        // Rows come and go while the load changes.
        if (number.offsetParent === null) continue
        number.focus()
        // What scrolling does comes with the next pictures.
        for (let picture = 0; picture < 2; picture++) await new Promise((done) => requestAnimationFrame(done))
        if (!number.isConnected || document.activeElement !== number) continue
        if (tooltip.hidden || tooltip.textContent !== number.dataset.source) silent.push(number.outerHTML)
      }
      return silent
    })()`)
    expect(silent).toEqual([])
  })

  it('keeps focus near where it was when the row that had it goes', async () => {
    const other = await startOther('--poller', 'worker', '--load', 'light')
    const page = await open(other.url)
    await page.locator('#stages td[data-source]').first().focus()
    other.signal('SIGUSR2')
    await page.locator('#stages-none').waitFor()
    expect(await page.locator('#stages td').count()).toBe(0)
    const place = await page.evaluate<string>("document.activeElement.getAttribute('aria-labelledby')")
    expect(place).toBe('stages-title')
  })

  it.each([320, 390, 720, 1180, 1440, 2560])('cuts no sentence and leaves no hole at %i px', async (width) => {
    const page = await open(demo.url, width)
    const found = await page.evaluate<Record<string, number>>(`{
      const box = (id) => document.getElementById(id).getBoundingClientRect()
      const sentence = document.getElementById('verdict-sentence')
      const words = document.createRange()
      words.selectNodeContents(sentence)
      const said = words.getBoundingClientRect()
      const below = box('verdict-figures').top - said.bottom
      const card = (id) => document.getElementById(id).closest('.card').getBoundingClientRect()
      const cut = [...document.querySelectorAll('main .quiet-line')]
        .filter((one) => one.offsetParent !== null && one.scrollWidth > one.clientWidth)
      ;({
        cutPx: Math.max(0, sentence.scrollHeight - sentence.clientHeight, said.bottom - card('verdict').bottom),
        holePx: below > 0 ? below : 0,
        cutLines: cut.length,
        cutLegendsPx: Math.max(
          ...['throughput', 'calls'].map((id) => {
            const legend = document.getElementById(id).querySelector('.u-legend').getBoundingClientRect()
            return Math.max(0, legend.bottom - card(id).bottom)
          }),
        ),
        chartPx: Math.max(card('throughput').height, card('calls').height),
        footerOffPx: Math.abs(
          document.querySelector('main').getBoundingClientRect().left -
            document.getElementById('footer').getBoundingClientRect().left -
            parseFloat(getComputedStyle(document.getElementById('footer')).paddingLeft) +
            parseFloat(getComputedStyle(document.querySelector('main')).paddingLeft),
        ),
        sidewaysPx: document.documentElement.scrollWidth - innerWidth,
      })
    }`)
    expect(found).toMatchObject({ cutPx: 0, cutLines: 0, cutLegendsPx: 0 })
    expect(found['holePx']).toBeLessThan(48)
    expect(found['chartPx']).toBeLessThan(340)
    expect(found['footerOffPx']).toBeLessThan(1)
    expect(found['sidewaysPx']).toBeLessThanOrEqual(0)
  })

  it('shows which of many rings is chosen, and says what it does not know of the later ones', async () => {
    const other = await startOther('--rings', '20', '--poller', 'caller', '--load', 'light')
    const page = await open(other.url, 390)
    const isSeen = (): Promise<boolean> =>
      page.evaluate<boolean>(`{
        const tab = document.querySelector('#rings [aria-selected=true]').getBoundingClientRect()
        const list = document.getElementById('rings').getBoundingClientRect()
        tab.left >= list.left - 1 && tab.right <= list.right + 1
      }`)
    await page.keyboard.press('ArrowLeft')
    expect(await text(page, 'stage-title')).toBe('Ring 19')
    expect(await isSeen()).toBe(true)
    expect(await text(page, 'ring-reason')).toContain('by its counters only, as all after the first 16')
    expect(await text(page, 'caption-kernel')).not.toContain('its own thread')
    expect(await text(page, 'caption-sq')).toContain('counted only')
    expect(await text(page, 'operations-none')).toContain('ringmaster_operation_errors_total{ring="19"}')
    await page.setViewportSize({ width: 1440, height: 900 })
    expect(
      await page.evaluate(
        "{ const one = document.getElementById('operations-none'); one.scrollWidth - one.clientWidth }",
      ),
    ).toBe(0)
    await page.setViewportSize({ width: 390, height: 900 })
    await page.keyboard.press('ArrowRight')
    expect(await text(page, 'stage-title')).toBe('Ring 0')
    expect(await isSeen()).toBe(true)
    expect(await page.locator('#operations-none').isHidden()).toBe(true)
  })

  it('does not say that a process is ready, or is not, while nothing is heard of it', async () => {
    const other = await startOther('--poller', 'worker', '--load', 'light')
    const page = await open(other.url)
    await expect.poll(() => text(page, 'ready'), { timeout: waitMs }).toBe('ready')
    other.signal('SIGSTOP')
    try {
      await expect.poll(() => text(page, 'ready'), { timeout: waitMs }).toBe('readiness unknown')
      expect(await page.locator('#ready').getAttribute('data-state')).toBe('unknown')
    } finally {
      other.signal('SIGCONT')
    }
    await expect.poll(() => text(page, 'ready'), { timeout: waitMs }).toBe('ready')
  })

  it('tells that another process answers as news: closed by hand, or gone after a minute', async () => {
    const first = await startDemo('--poller', 'worker', '--load', 'light')
    const { port } = new URL(first.url)
    const page = await open(first.url).finally(() => first.stop())
    await page.locator('#notice').waitFor()
    const start = (): Promise<Demo> => startOther('--poller', 'worker', '--load', 'none', '--port', port)
    const second = await start()
    await page.locator('#news').waitFor()
    expect(await text(page, 'news-text')).toContain('Another process answers now')
    expect(await page.locator('#notice').isHidden()).toBe(true)
    await page.locator('#news-close').click()
    expect(await page.locator('#news').isHidden()).toBe(true)

    await page.clock.install()
    others.splice(others.indexOf(second), 1)
    await second.stop()
    await start()
    // The page tries again by its clock, which is ours now.
    await expect
      .poll(
        async () => {
          await page.clock.runFor(1000)
          return page.locator('#news').isVisible()
        },
        { timeout: waitMs },
      )
      .toBe(true)
    await page.clock.runFor(60_000)
    expect(await page.locator('#news').isHidden()).toBe(true)
  })
})
