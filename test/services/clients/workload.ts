// What clients do to files in these tests: write and read back at random, each a file of its own, and read files that all share.
// A thread's own copy of its file is the model; what it had in the end is compared with what node:fs finds.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'

/** Bytes of a client's own file. */
export const ownBytes: number = 256 * 1024

/**
 * The body of a client. data: { path, seed, rounds, ms, shared: [{ path, sha256 }] }; it goes on for `rounds` or for `ms`, whichever is
 * longer, and returns { rounds, sha256 } of its file.
 */
export const workload: string = `
  let state = data.seed | 0
  const random = (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0
    return (state >>> 8) % below
  }
  const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex')
  const model = Buffer.alloc(${ownBytes})
  await rings.writeFile(data.path, model)
  const file = await rings.open(data.path, 'r+')
  const ends = Date.now() + data.ms
  let rounds = 0
  say('working')
  const lane = async (number, lanes) => {
    const size = model.length / lanes
    while (rounds < data.rounds || Date.now() < ends) {
      rounds++
      const length = 1 + random(Math.min(16384, size))
      const position = number * size + random(size - length + 1)
      const bytes = Buffer.alloc(length, random(256))
      bytes.copy(model, position)
      await file.write(bytes, { position })
      const back = await file.read(Buffer.alloc(length), { position })
      if (back.bytesRead !== length || !back.buffer.equals(bytes)) throw new Error('read back something else')
      const shared = data.shared[random(data.shared.length)]
      if (sha256(await rings.readFile(shared.path)) !== shared.sha256) throw new Error('a shared file reads differently')
    }
  }
  await Promise.all([0, 1, 2, 3].map((number) => lane(number, 4)))
  if (!(await rings.readFile(data.path)).equals(model)) throw new Error('its file is not what was written')
  await file.close()
  return { rounds, sha256: sha256(model) }`

export const sha256Of = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex')
