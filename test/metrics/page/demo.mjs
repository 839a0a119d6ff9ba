// A program that uses rings in every way the live page can show, and serves the page: for the browser tests and for the screenshot in
// README. Prints the admin server's address; ends when its standard input does.
// SIGUSR2 ends the load, and nothing else.
//   node test/metrics/page/demo.mjs [--rings N] [--poller P] [--load none|light|full] [--port N]
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { Registry } from 'prom-client'
import { startAdminServer } from '../../../dist/metrics/admin-server.js'
import { LiveFeed } from '../../../dist/metrics/live-feed.js'
import { livePage } from '../../../dist/metrics/live-page.js'
import { Ringmaster } from '../../../dist/services/index.js'
import { op, recvStream } from '../../../dist/services/raw/index.js'

const { values } = parseArgs({
  options: {
    rings: { type: 'string', default: '1' },
    poller: { type: 'string', default: 'kernel' },
    load: { type: 'string', default: 'full' },
    trace: { type: 'string' },
    port: { type: 'string', default: '0' },
  },
})
const rings = await Ringmaster.start({ rings: Number(values.rings), poller: values.poller, rawDirectDescriptors: 64 })
const folder = mkdtempSync(join(tmpdir(), 'ringmaster-demo-'))
const bigPath = join(folder, 'big.bin')
const smallPath = join(folder, '<b>small.txt')
const bigBytes = 8 * 1024 * 1024
writeFileSync(bigPath, randomBytes(bigBytes))
writeFileSync(smallPath, 'a small file')

let running = true
const loops = []
/** Runs `step` over and over, with pauses of `pauseMs`, until the program ends. */
const loop = (pauseMs, step) => {
  loops.push(
    (async () => {
      for (let round = 0; running; round++) {
        await step(round)
        const waitMs = typeof pauseMs === 'function' ? pauseMs() : pauseMs
        if (waitMs > 0) await sleep(waitMs)
      }
    })(),
  )
}
/** Load that comes and goes, as real load does. */
const wave = (leastMs, mostMs) => () =>
  leastMs + (mostMs - leastMs) * (0.5 + 0.5 * Math.sin(performance.now() / 4000)) * Math.random()

const big = await rings.open(bigPath, 'r')
const log = await rings.open(join(folder, 'log.bin'), 'w')
const arena = rings.arena({ slabs: 16 })
const raw = rings.raw(0)

async function readMany(count) {
  await Promise.all(
    Array.from({ length: count }, () =>
      big.read(Buffer.alloc(4096), 0, 4096, Math.floor((Math.random() * bigBytes) / 4096) * 4096),
    ),
  )
}

async function writeDurably() {
  const record = Buffer.alloc(512, 'x')
  const chain = raw.chain()
  chain.link(op.write({ fd: log.fd, buffer: record, position: 0 })).link(op.fsync({ fd: log.fd, datasync: true }))
  await chain.submit()
}

/** One multishot recv on provided buffers, fed by a socket of Node's own. */
async function startStream() {
  const buffers = raw.provideBuffers({ count: 32, sizeBytes: 1024 })
  const server = createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1')
  const accepted = new Promise((resolve) => server.once('connection', resolve))
  await new Promise((resolve) => server.once('listening', resolve))
  const sender = connect(server.address().port, '127.0.0.1')
  const socket = await accepted
  const stream = raw.stream(recvStream({ fd: socket._handle.fd, buffers }))
  loop(wave(20, 120), () => void sender.write(Buffer.alloc(1024 * (1 + Math.floor(Math.random() * 5)))))
  loops.push(
    (async () => {
      for await (const lease of stream) {
        setTimeout(() => lease.release(), 20 + Math.random() * 120)
        if (!running) break
      }
    })(),
  )
  return () => {
    sender.destroy()
    socket.destroy()
    server.close()
  }
}

let stopStream = () => undefined
if (values.load !== 'none') {
  const scale = values.load === 'full' ? 1 : 8
  loop(wave(1, 12 * scale), () => readMany(4 + Math.floor(Math.random() * 5)))
  loop(wave(10, 40 * scale), () => rings.readFile(smallPath, 'utf8'))
  loop(wave(15, 60 * scale), writeDurably)
  loop(wave(30, 90), () => rings.stat(smallPath))
  loop(500, () => rings.open(join(folder, 'missing'), 'r').catch(() => undefined))
  loop(wave(100, 400), async () => {
    const lease = arena.tryLease()
    if (lease === null) return
    await sleep(300 * Math.random())
    lease.release()
  })
  if (values.poller !== 'threadpool') stopStream = await startStream()
}

const registry = new Registry()
rings.register(registry)
const live = rings.live('demo')
live.jobs.add(() => [
  {
    kind: 'checksum',
    name: '<img src=x onerror=alert(1)>.iso',
    state: 'running',
    detail: 'a made-up job',
    progress: 0.42,
  },
])
const feed = new LiveFeed({ source: live, ready: () => ({ ok: true }) })
feed.register(registry)
const routes = new Map([['/live', feed.route]])
if (values.trace !== undefined) {
  const trace = values.trace
  routes.set('/trace', () => ({ status: 200, contentType: 'application/json', body: trace }))
}
const admin = await startAdminServer({
  host: '127.0.0.1',
  port: Number(values.port),
  registry,
  ready: () => ({ ok: true }),
  live: () => ({ ok: true }),
  describe: () => 'the demo of the live page',
  routes,
  page: livePage(),
})
process.stdout.write(`${admin.url}\n`)

process.on('SIGUSR2', () => {
  running = false
})
process.stdin.resume()
await new Promise((resolve) => process.stdin.once('close', resolve))
running = false
stopStream()
await Promise.allSettled(loops)
feed.close()
await admin.close()
await rings.close()
rmSync(folder, { recursive: true })
