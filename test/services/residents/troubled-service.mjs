/* global setImmediate -- of Node itself */
// A resident service for tests that has trouble in its beginning: it throws where nobody catches it, blocks its thread,
// or never gets to its end.
export default async function start({ data, signal }) {
  const flags = new Int32Array(data.flags)
  signal.addEventListener('abort', () => {
    Atomics.store(flags, 0, 1)
  })
  if (data.trouble === 'throws') {
    setImmediate(() => {
      throw Object.assign(new Error('nobody catches this'), { code: 'ERR_TEST_UNCAUGHT' })
    })
  }
  if (data.trouble === 'blocks') {
    setImmediate(() => {
      Atomics.store(flags, 0, 2)
      Atomics.wait(flags, 0, 2)
    })
    return {}
  }
  await new Promise(() => undefined)
}
