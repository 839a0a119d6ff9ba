// Chains: of operations on direct descriptors with the kernel's links, and whole files as readFile() reads them.
import { constants } from 'node:fs'
import { op } from '../../../services/raw/index.ts'
import type { Operation, StepOutcome } from '../../../services/raw/index.ts'
import { readWholeFile } from '../../../services/read-file.ts'
import { requestStat } from '../../../services/requests.ts'
import { fieldOf } from '../../services/harness.ts'
import { At } from '../../../native/abi.ts'
import { patternMismatch } from '../world.ts'
import { excused, outcomeOf, perhapsAbort, require, requireReturned } from './play.ts'
import type { Act, Play } from './play.ts'

function checkStep(play: Play, operation: Operation<unknown>, outcome: StepOutcome, signal?: AbortSignal): void {
  const { slot, generation } = operation.ticket
  const result = play.kernel.ledger.get(`${slot}:${generation}`)?.[0]
  if ('value' in outcome) {
    require(result !== undefined && (result >= 0 || result === -62), 'a step is done that the kernel did not do')
    if (outcome.status === 'short') require(result! < outcome.wantedBytes, 'a step is called short', result)
    return
  }
  if (excused(play, outcome.error)) return
  if (signal?.aborted === true && fieldOf(outcome.error, 'name') === 'AbortError') {
    // Withdrawn from the backlog, the kernel never saw it.
    require(result === undefined || result === -125 || result === -4, 'a step that was not cancelled says so', result)
    return
  }
  const errno = fieldOf(outcome.error, 'errno')
  if (result === -125 && outcome.status === 'failed' && fieldOf(outcome.error, 'syscall') === 'timeout') {
    // Its limit was refused, and so it never ran: the error is the limit's.
    const refused = [...play.kernel.ledger.values()].some(([first]) => first === errno)
    require(refused, 'a limit is said to have been refused', outcome.error)
    return
  }
  require(errno === result, `the kernel's result was ${result}, the step says`, outcome.error)
  const cancelled = result === -125 || result === -4
  require(cancelled === (outcome.status !== 'failed'), `a step that ended with ${result} is called ${outcome.status}`)
}

/** Any operations, linked anyhow, some limited: the outcome of each step is what the kernel made of it. */
const linkSteps = async (play: Play, quietly: boolean): Promise<void> => {
  const { random, raw, world } = play
  const file = world.file(3000)
  const fd = world.open(file)
  const channel = world.channel()
  const channelFd = world.open(channel)
  const built = raw.chain()
  const steps: Operation<unknown>[] = []
  const buffers: Buffer[] = []
  for (let left = 1 + random.below(5); left > 0; left--) {
    const buffer = Buffer.alloc(1 + random.below(200))
    const operation = random.pick<() => Operation<unknown>>([
      () => op.nop(),
      () => op.nop({ result: -5 }),
      () => op.read({ fd, buffer, position: random.below(3100) }),
      () => op.write({ fd, buffer, position: random.below(1e6) }),
      () => op.recv({ fd: channelFd, buffer }),
    ])()
    steps.push(operation)
    buffers.push(buffer)
    const options = quietly && random.chance(0.7) ? { quiet: true } : {}
    if (random.chance(quietly ? 0.1 : 0.4)) built.hardlink(operation, options)
    else built.link(operation, options)
    if (random.chance(0.2)) built.timeout(random.below(20))
  }
  const signal = quietly ? perhapsAbort(play, 3) : undefined
  const ended = outcomeOf(built.submit(signal === undefined ? {} : { signal }))
  await play.pause()
  channel.ended = true
  world.happened(channel)
  const outcome = await ended
  if ('error' in outcome)
    require(excused(play, outcome.error) ||
      (signal?.aborted === true &&
        fieldOf(outcome.error, 'name') === 'AbortError'), 'a chain was rejected', outcome.error)
  else {
    require(outcome.value.length === steps.length, 'a chain has other steps than it was given', outcome.value.length)
    for (const [index, step] of outcome.value.entries()) checkStep(play, steps[index]!, step, signal)
  }
  for (const buffer of buffers) requireReturned(play, buffer)
  world.close(fd)
  world.close(channelFd)
}

const chain: Act = (play) => linkSteps(play, false)
/** The first steps get no completion of their own: what one says of the others is true. */
const quietChain: Act = (play) => linkSteps(play, true)

const sizes = [0, 1, 700, 32_512, 32_513, 32_768, 33_000, 70_000]

/** Whatever is short, late or failed on the way: all of the file, or an error. */
const readFile: Act = async (play) => {
  const { random, world, handle } = play
  const file = world.file(random.pick(sizes))
  const missing = random.chance(0.1)
  const path = missing ? '/missing' : file.path
  const signal = perhapsAbort(play, 4)
  const request = { path, flags: constants.O_RDONLY, encoding: null, signal }
  const outcome = await outcomeOf(readWholeFile(handle, request))
  if ('value' in outcome) {
    const bytes = Buffer.from(outcome.value)
    require(bytes.length === file.sizeBytes, `of ${file.sizeBytes} bytes readFile gave`, bytes.length)
    require(patternMismatch(bytes, file.id, 0) < 0, 'readFile gave the wrong bytes')
    return
  }
  if (excused(play, outcome.error)) return
  if (fieldOf(outcome.error, 'name') === 'AbortError') {
    require(signal?.aborted === true, 'readFile was aborted without a signal')
    return
  }
  const code = fieldOf(outcome.error, 'code')
  const possible = missing
    ? ['ENOENT', 'ECANCELED', 'EINTR']
    : ['EIO', 'EAGAIN', 'EMFILE', 'ECANCELED', 'EINTR', 'EBADF']
  require(possible.includes(String(code)), 'readFile failed as nothing did', outcome.error)
}

/** Its struct lies in the slot's scratch: whoever has the slot next must not see it. */
const stat: Act = async (play) => {
  const { random, world, handle } = play
  const file = world.file(random.below(1e6))
  const target = { dirFd: At.FDCWD, path: file.path, atFlags: 0, bigint: false, syscall: 'stat' } as const
  const outcome = await outcomeOf((async () => requestStat(handle, target))())
  if ('value' in outcome)
    require(outcome.value.size === file.sizeBytes && outcome.value.ino === file.id, 'stat of another file')
  else if (!excused(play, outcome.error))
    require(fieldOf(outcome.error, 'errno') === -125 ||
      fieldOf(outcome.error, 'errno') === -4, 'stat failed', outcome.error)
}

export const chainActs: readonly Act[] = [chain, chain, stat]
/** On rings whose chains are not cut. */
export const wholeFileActs: readonly Act[] = [readFile, readFile, quietChain]
