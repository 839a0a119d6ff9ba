// A client of the blob service in a process of its own: stores or reads the objects that standard input names, a line of JSON each, over so many
// connections, and says the SHA-256 of what it has sent or got, in the order of the lines. Started by many-objects.test.ts.
import { createHash } from 'node:crypto'
import { Agent, request } from 'node:http'
import { text } from 'node:stream/consumers'

const [what, port, connections, poolSeed] = process.argv.slice(2)
const objects = (await text(process.stdin))
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => JSON.parse(line))
const agent = new Agent({ keepAlive: true, maxSockets: Number(connections) })
const sum = (bytes) => createHash('sha256').update(bytes).digest('hex')

/** What objects are cut from: the same for the same seed. */
function makePool() {
  const pool = Buffer.alloc(what === 'write' ? 128 * 2 ** 20 : 0)
  let state = Number(poolSeed) | 1
  for (let at = 0; at < pool.length; at += 4) {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    pool.writeInt32LE(state, at)
  }
  return pool
}
const pool = makePool()

const ask = (options, body) =>
  new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, agent, ...options }, (answer) => {
      const hash = createHash('sha256')
      let bytes = 0
      answer.on('data', (part) => {
        hash.update(part)
        bytes += part.length
      })
      answer.on('error', reject)
      answer.on('end', () => resolve({ status: answer.statusCode, sha256: hash.digest('hex'), bytes }))
    })
    sent.on('error', reject)
    sent.end(body)
  })

async function write({ name, sizeBytes, offsetBytes, isChunked }) {
  const bytes = pool.subarray(offsetBytes, offsetBytes + sizeBytes)
  const headers = isChunked ? { 'Transfer-Encoding': 'chunked' } : { 'Content-Length': sizeBytes }
  const { status } = await ask({ method: 'PUT', path: `/b/${name}`, headers }, bytes)
  if (status !== 201) throw new Error(`PUT ${name} of ${sizeBytes} bytes: ${status}`)
  return sum(bytes)
}

async function read({ name, sizeBytes }) {
  const { status, sha256, bytes } = await ask({ method: 'GET', path: `/b/${name}` })
  if (status !== 200 || bytes !== sizeBytes) throw new Error(`GET ${name}: ${status}, ${bytes} of ${sizeBytes} bytes`)
  return sha256
}

const sums = []
let next = 0
await Promise.all(
  Array.from({ length: Number(connections) }, async () => {
    while (next < objects.length) {
      const index = next++
      sums[index] = await (what === 'write' ? write : read)(objects[index])
    }
  }),
)
agent.destroy()
process.stdout.write(sums.join('\n'))
