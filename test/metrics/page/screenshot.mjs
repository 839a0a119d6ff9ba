// Makes the picture in README: npm run screenshot. Starts the demo, waits until its charts have something to show, and takes one
// picture, or with a folder as argument one for each size and colour scheme.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'

const path = (relative) => fileURLToPath(new URL(relative, import.meta.url))
const [folder, ...demoArguments] = process.argv.slice(2)
const warmUpMs = Number(process.env.WARM_UP_MS ?? 22_000)
const every = ['light', 'dark'].flatMap((colorScheme) => [
  { colorScheme, width: 1440, height: 900 },
  { colorScheme, width: 390, height: 844 },
])
const wanted = folder === undefined ? [{ colorScheme: 'light', width: 1440, height: 800 }] : every

const demo = spawn(process.execPath, [path('demo.mjs'), ...demoArguments], { stdio: ['pipe', 'pipe', 'inherit'] })
const [address] = await once(demo.stdout.setEncoding('utf8'), 'data')
const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-sync',
  ],
})
try {
  const pages = await Promise.all(
    wanted.map(async ({ colorScheme, width, height }) => {
      const context = await browser.newContext({ colorScheme, viewport: { width, height } })
      const page = await context.newPage()
      page.on('console', (message) => console.info(message.type(), message.text()))
      page.on('pageerror', (error) => console.error(error))
      await page.goto(address.trim())
      return { page, colorScheme, width }
    }),
  )
  await sleep(warmUpMs)
  for (const { page, colorScheme, width } of pages) {
    const file =
      folder === undefined ? path('../../../metrics/page/screenshot.png') : join(folder, `${colorScheme}-${width}.png`)
    await page.screenshot({ path: file, fullPage: folder !== undefined && process.env.FULL === '1' })
    console.info(file)
  }
} finally {
  await browser.close()
  demo.stdin.end()
}
