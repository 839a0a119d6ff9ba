// Cancellation is a request: what was waiting comes back cancelled, each with its own completion, and nothing else does.
import { afterEach, beforeEach, expect, test } from 'vitest'
import { CancelFlag } from '../../../native/abi.ts'
import { binding } from '../../../native/binding.ts'
import { prepCancel, prepCancelMatching, prepNop } from '../../../native/operations/control.ts'
import { prepRead } from '../../../native/operations/files.ts'
import { makePipe } from '../support/pipe.ts'
import type { Pipe } from '../support/pipe.ts'
import { openTestRing, reserve } from '../support/rings.ts'
import type { TestRing } from '../support/rings.ts'

const ENOENT = -2
const ECANCELED = -125
const buffer = Buffer.alloc(16)

let pipe: Pipe
let other: Pipe
let test1: TestRing

beforeEach(() => {
  pipe = makePipe()
  other = makePipe()
  test1 = openTestRing({ sqEntries: 16 })
})

afterEach(() => {
  test1.close()
  pipe.close()
  other.close()
})

function startRead(id: number, generation: number, fd: number): void {
  const { ring } = test1
  const at = reserve(ring, id)
  ring.sqes[at + 9] = generation
  prepRead(ring.sqes, at, 0, fd, binding().addressOf(buffer), 1, -1)
}

const results = (): Record<number, number> => Object.fromEntries(test1.reap().map(({ id, result }) => [id, result]))

test('a nop comes back with 0', () => {
  prepNop(test1.ring.sqes, reserve(test1.ring, 7), 0)
  test1.submit()
  test1.wait(1)
  expect(results()).toEqual({ 7: 0 })
})

test('cancels one request by slot and generation; the other waits on', () => {
  const { ring, submit, wait } = test1
  startRead(1, 5, pipe.readFd)
  startRead(2, 5, pipe.readFd)
  submit()
  prepCancel(ring.sqes, reserve(ring, 100), 1, 5)
  submit()
  wait(2)
  expect(results()).toEqual({ 1: ECANCELED, 100: 0 })
  prepCancelMatching(ring.sqes, reserve(ring, 101), -1, CancelFlag.ANY | CancelFlag.ALL)
  submit()
  wait(2)
  expect(results()).toEqual({ 2: ECANCELED, 101: 1 })
})

test('does not take a slot of another generation for the one it means', () => {
  const { ring, submit, wait } = test1
  startRead(1, 5, pipe.readFd)
  submit()
  prepCancel(ring.sqes, reserve(ring, 100), 1, 4)
  submit()
  wait(1)
  expect(results()).toEqual({ 100: ENOENT })
})

test('cancels all requests on one descriptor, and says how many', () => {
  const { ring, submit, wait } = test1
  startRead(1, 0, pipe.readFd)
  startRead(2, 0, other.readFd)
  startRead(3, 0, pipe.readFd)
  submit()
  prepCancelMatching(ring.sqes, reserve(ring, 100), pipe.readFd, CancelFlag.FD | CancelFlag.ALL)
  submit()
  wait(3)
  expect(results()).toEqual({ 1: ECANCELED, 3: ECANCELED, 100: 2 })
})
