// Asks for an addon that cannot be had, twice, and prints what it got.
import { binding } from '../../../native/binding.ts'
import { RingUnavailableError } from '../../../native/errors.ts'

const caught = [1, 2].map(() => {
  try {
    binding()
  } catch (error) {
    return error
  }
  return undefined
})
const [first, second] = caught
if (!(first instanceof RingUnavailableError)) throw new Error('expected a RingUnavailableError')
const { code, reason, message } = first
process.stdout.write(JSON.stringify({ code, reason, message, same: first === second }))
