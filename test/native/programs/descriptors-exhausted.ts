// Takes every descriptor that the limit allows, tries to make rings, gives the descriptors back, and makes one. Prints what happened.
import { closeSync, openSync } from 'node:fs'
import { binding } from '../../../native/binding.ts'
import { openTestRing } from '../support/rings.ts'
import { descriptors } from '../support/process-state.ts'

binding()
const taken: number[] = []
const codes: string[] = []
const before = descriptors().length
try {
  for (;;) taken.push(openSync('/dev/null', 'r'))
} catch {
  // all are taken
}
for (const memory of ['user', 'mapped', 'auto'] as const) {
  try {
    openTestRing({ memory }).close()
    codes.push('none')
  } catch (error) {
    codes.push(String(Reflect.get(error as object, 'code')))
  }
}
for (const fd of taken) closeSync(fd)
const after = descriptors().length
openTestRing().close()
process.stdout.write(JSON.stringify({ codes, before, after, worked: true }))
