// Does to a watcher what its arguments say and prints how the process came to its end: by itself, or by the signal of a timer
// that does not keep it alive.
import { binding } from '../../../native/binding.ts'

const addon = binding()
const eventFd = addon.eventfd()
const steps = process.argv.slice(2)
let outcome = 'ended'
const watcher = new addon.Watcher(eventFd, () => {
  outcome = 'signalled'
  if (steps.includes('closes-itself')) watcher.close()
  else watcher.unref()
})
for (const step of steps) {
  if (step === 'ref') watcher.ref()
  else if (step === 'unref') watcher.unref()
  else if (step === 'close') watcher.close()
}
setTimeout(() => addon.signal(eventFd), 200).unref()
process.on('exit', () => {
  process.stdout.write(JSON.stringify(outcome))
})
