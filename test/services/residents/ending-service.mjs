/* global setImmediate -- of Node itself */
// A resident service for tests that ends its thread as soon as it has started, and counts how often.
import process from 'node:process'

export default function start({ data }) {
  Atomics.add(new Int32Array(data.starts), 0, 1)
  setImmediate(() => process.exit())
}
