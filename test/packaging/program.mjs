// What a user's program does with the package, in one go: run by nodes.test.ts in a project that has nothing but the packed tarball, on every
// Node, as `node program.mjs POLLER`. Says as JSON what it did; what it finds wrong ends it with an exception.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, connect } from 'node:net'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { MessageChannel, Worker, isMainThread, workerData } from 'node:worker_threads'
import { Registry } from 'prom-client'
import { Ringmaster, addonOrigin } from 'ringmaster'
import { op, recvStream } from 'ringmaster/raw'

const poller = isMainThread ? process.argv[2] : workerData.poller
const data = new URL('data', import.meta.url).pathname
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex')

if (!isMainThread) {
  const rings = await Ringmaster.join(workerData.handle)
  const bytes = await rings.readFile(data)
  await rings.close()
  workerData.port.postMessage({ sum: sha256(bytes), origin: addonOrigin().origin })
  workerData.port.close()
} else {
  await main()
}

async function main() {
  const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, at) => (at * 2654435761) >>> 24))
  writeFileSync(data, bytes)
  // Once for what stays by design: libuv's own descriptors and threads, and Node's.
  await use(bytes)
  const before = await held(() => true)
  const done = await use(bytes)
  const after = await held((now) => now.descriptors <= before.descriptors && now.threads <= before.threads)
  assert.ok(after.descriptors <= before.descriptors, `descriptors are left: ${JSON.stringify({ before, after })}`)
  assert.ok(after.threads <= before.threads, `threads are left: ${JSON.stringify({ before, after })}`)
  process.stdout.write(
    `${JSON.stringify({ ...done, origin: addonOrigin(), version: process.version, arch: process.arch })}\n`,
  )
}

/** What the process holds, once `isFine`, or after a time that is long on any machine. */
async function held(isFine) {
  for (let tries = 0; ; tries++) {
    const now = { descriptors: readdirSync('/proc/self/fd').length, threads: readdirSync('/proc/self/task').length }
    if (isFine(now) || tries > 200) return now
    await sleep(50)
  }
}

async function use(bytes) {
  const rings = await Ringmaster.start({ poller, rings: 1 })
  try {
    assert.equal(rings.stats().rings[0].poller, poller)
    await files(rings, bytes)
    await requests(rings, bytes)
    await stream(rings)
    await arena(rings, bytes)
    await thread(rings, bytes)
    await metrics(rings)
  } finally {
    await rings.close()
  }
  await assert.rejects(rings.readFile(data), { code: 'ERR_RING_CLOSED' })
  await disposed()
  return { poller }
}

async function files(rings, bytes) {
  assert.equal(sha256(await rings.readFile(data)), sha256(bytes))
  const copy = `${data}.copy`
  await rings.writeFile(copy, bytes, { flush: true })
  assert.equal(sha256(readFileSync(copy)), sha256(bytes))
  const file = await rings.open(copy, 'r+')
  const { bytesWritten } = await file.write(Buffer.from('ringmaster'), 0, 10, 1000)
  const { bytesRead, buffer } = await file.read(Buffer.alloc(10), 0, 10, 1000)
  assert.deepEqual([bytesWritten, bytesRead, buffer.toString()], [10, 10, 'ringmaster'])
  const buffers = Array.from({ length: 8 }, () => Buffer.alloc(4096))
  const results = await file.readBatch(
    buffers,
    buffers.map((_, index) => index * 4096),
  )
  assert.deepEqual(
    [...results],
    Array.from({ length: 8 }, () => 4096),
  )
  const stat = await file.stat()
  assert.equal(stat.size, bytes.length)
  assert.ok(stat.mtime instanceof Date && Math.abs(Date.now() - stat.mtime.getTime()) < 3_600_000)
  await file.datasync()
  await file.close()
  await assert.rejects(rings.open(`${data}.missing`), { code: 'ENOENT', syscall: 'open' })
}

async function requests(rings, bytes) {
  const raw = rings.raw()
  const buffer = Buffer.alloc(100)
  const slot = raw.directSlots.lease()
  const outcomes = await raw
    .chain()
    .link(op.openat({ path: data, direct: slot }))
    .hardlink(op.read({ fd: slot, buffer }))
    .link(op.close({ fd: slot }))
    .submit()
  slot.release()
  assert.deepEqual(
    outcomes.map(({ status }) => status),
    ['done', 'done', 'done'],
  )
  assert.deepEqual(buffer, bytes.subarray(0, 100))
}

async function stream(rings) {
  const raw = rings.raw()
  const server = createServer((socket) => socket.end('from a server of node:net'))
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address()
  const fd = await raw.submit(op.socket({ family: 'AF_INET', type: 'SOCK_STREAM' }))
  await raw.submit(op.connect({ fd, address: { address: '127.0.0.1', port } }))
  assert.equal(await (poller === 'threadpool' ? received(raw, fd) : streamed(raw, fd)), 'from a server of node:net')
  await raw.submit(op.close({ fd }))
  await once(server.close(), 'close')
  // A connection of Node's own, beside the rings.
  const probe = connect(1, '127.0.0.1')
  await assert.rejects(once(probe, 'connect'), { code: 'ECONNREFUSED' })
}

async function streamed(raw, fd) {
  let text = ''
  const buffers = raw.provideBuffers({ count: 4, sizeBytes: 4096 })
  for await (const lease of raw.stream(recvStream({ fd, buffers }))) {
    text += lease.bytes.toString()
    lease.release()
  }
  return text
}

/** Provided buffers are the kernel's: without a ring a recv follows another. */
async function received(raw, fd) {
  let text = ''
  const buffer = Buffer.alloc(4096)
  for (let length = -1; length !== 0; text += buffer.toString('utf8', 0, length)) {
    length = await raw.submit(op.recv({ fd, buffer }))
  }
  return text
}

async function arena(rings, bytes) {
  const slabs = rings.arena({ slabBytes: 4096, slabs: 2 })
  const lease = slabs.lease()
  const file = await rings.open(data)
  const { bytesRead } = await file.read(lease.buffer, { position: 0 })
  assert.equal(bytesRead, 4096)
  assert.deepEqual(Buffer.from(lease.buffer), bytes.subarray(0, 4096))
  lease.release()
  await file.close()
}

async function thread(rings, bytes) {
  const handle = rings.attach()
  const { port1, port2 } = new MessageChannel()
  const worker = new Worker(new URL(import.meta.url), {
    workerData: { handle, port: port2, poller },
    transferList: [...handle.transferList, port2],
  })
  const answer = once(port1, 'message')
  const [exitCode] = await once(worker, 'exit')
  const [{ sum, origin }] = await answer
  port1.close()
  assert.deepEqual({ exitCode, sum, origin }, { exitCode: 0, sum: sha256(bytes), origin: addonOrigin().origin })
}

async function metrics(rings) {
  const registry = new Registry()
  const unregister = rings.register(registry)
  const text = await registry.metrics()
  assert.match(text, /^ringmaster_operation\w*\{.*operation="read".*\} [1-9]/m)
  unregister()
}

/** `await using`, by the method that it calls; from Node 24 on as a program writes it. */
async function disposed() {
  if (Number(process.versions.node.split('.')[0]) < 24) {
    const rings = await Ringmaster.start({ poller, rings: 1 })
    await rings[Symbol.asyncDispose]()
    return
  }
  const AsyncFunction = (async () => undefined).constructor
  const body = 'await using rings = await Ringmaster.start(options); return rings.stats().rings.length'
  assert.equal(await new AsyncFunction('Ringmaster', 'options', body)(Ringmaster, { poller, rings: 1 }), 1)
}
