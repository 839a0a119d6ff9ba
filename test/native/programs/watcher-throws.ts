// A watcher whose callback throws, in every way there is. With an argument nobody listens, and the process must end of it.
import { binding } from '../../../native/binding.ts'

const addon = binding()
const eventFd = addon.eventfd()
const caught: string[] = []
const origins: string[] = []
let calls = 0

const watcher = new addon.Watcher(eventFd, () => {
  calls++
  const call = calls
  if (call === 3) {
    process.nextTick(() => {
      throw new Error(`in a tick ${call}`)
    })
  } else if (call === 4) void Promise.reject(new Error(`rejected ${call}`))
  else if (call === 5) {
    watcher.close()
    // Had an exception been left pending, this would throw.
    process.stdout.write(JSON.stringify({ caught, origins, calls, answers: addon.threadId() === process.pid }))
    return
  } else setImmediate(() => addon.signal(eventFd))
  if (call < 3) throw new Error(`thrown ${call}`)
})
watcher.ref()

if (process.argv[2] === undefined) {
  process.on('uncaughtException', (error, origin) => {
    caught.push(error.message)
    origins.push(origin)
    if (caught.length > 2) setImmediate(() => addon.signal(eventFd))
  })
}
addon.signal(eventFd)
