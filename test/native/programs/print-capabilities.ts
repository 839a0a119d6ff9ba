// Prints what this process may do. With `without-descriptors` it first takes every descriptor that the limit allows.
import { closeSync, openSync } from 'node:fs'
import { binding } from '../../../native/binding.ts'
import { capabilities } from '../../../native/capabilities.ts'

const taken: number[] = []
if (process.argv[2] === 'without-descriptors') {
  binding()
  try {
    for (;;) taken.push(openSync('/dev/null', 'r'))
  } catch {
    // all are taken
  }
}
const found = await capabilities()
for (const fd of taken) closeSync(fd)
process.stdout.write(JSON.stringify(found))
