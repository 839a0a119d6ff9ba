// Exits with reads of an empty pipe and of a file in flight. Arguments: kind of memory, setup flags.
import { closeSync, openSync } from 'node:fs'
import { binding } from '../../../native/binding.ts'
import { prepRead } from '../../../native/operations/files.ts'
import { makePipe } from '../support/pipe.ts'
import { openTestRing, reserve } from '../support/rings.ts'

const [memory, flags] = process.argv.slice(2)
const { ring, submit } = openTestRing({
  sqEntries: 64,
  memory: memory === 'mapped' ? 'mapped' : 'user',
  flags: Number(flags),
})
const pipe = makePipe()
const file = openSync(process.execPath, 'r')
const buffers = Array.from({ length: 48 }, () => new Uint8Array(65536))
for (const [index, buffer] of buffers.entries()) {
  const fd = index % 2 === 0 ? pipe.readFd : file
  prepRead(
    ring.sqes,
    reserve(ring, index),
    0,
    fd,
    binding().addressOf(buffer),
    buffer.length,
    fd === file ? index * 65536 : -1,
  )
}
submit()
closeSync(file)
process.exit(7)
