/* global AbortController -- of Node itself */
// A resident service for tests: a TCP server on the ring of the worker that it lives in. A line "GET <path>" is answered with the file,
// anything else with itself. It accepts with one multishot request, and tells its starter what it does.
export default async function start({ rings, data, ring, signal, port }) {
  const { acceptStream, op } = await import(data.raw)
  if (data.fail === ring) throw Object.assign(new Error('it does not start here'), { code: 'ERR_TEST_NO_START' })
  const raw = rings.raw()
  const connections = new Set()
  const closing = new AbortController()
  let drained = false

  const serve = async (fd) => {
    const buffer = Buffer.alloc(4096)
    try {
      for (;;) {
        const bytes = await raw.submit(op.recv({ fd, buffer }), { signal })
        if (bytes === 0) return
        const line = buffer.toString('utf8', 0, bytes)
        const answer = line.startsWith('GET ') ? await rings.readFile(line.slice(4).trim()) : Buffer.from(line)
        for (let sent = 0; sent < answer.length;)
          sent += await raw.submit(op.send({ fd, buffer: answer.subarray(sent) }))
      }
    } catch {
      // the peer is gone, or the service stops
    } finally {
      await raw.submit(op.close({ fd }))
    }
  }

  const accepting = (async () => {
    try {
      for await (const fd of raw.stream(acceptStream({ fd: data.listenFd }), { signal: closing.signal })) {
        const connection = serve(fd).finally(() => connections.delete(connection))
        connections.add(connection)
        port.postMessage({ accepted: ring })
      }
    } catch (error) {
      if (error.code !== 'ABORT_ERR') throw error
    }
  })()

  port.on('message', (message) => {
    if (message === 'throw') throw Object.assign(new Error('nobody catches this'), { code: 'ERR_TEST_UNCAUGHT' })
    port.postMessage({ told: message, data: data.text, stats: rings.stats().rings[0].poller })
  })
  port.unref()

  return {
    async drain() {
      closing.abort()
      await accepting
      if (data.stalls) await new Promise(() => undefined)
      drained = true
    },
    async stop() {
      closing.abort()
      await accepting
      await Promise.all(connections)
      port.postMessage({ stopped: ring, drained, aborted: signal.aborted })
    },
  }
}
