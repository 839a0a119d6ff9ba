// io_uring_register(2) by the ring worker, for what the kernel keeps for each task. RingHandle asks, the worker's control
// answers; the argument travels as a copy, there and back, because the kernel may write to it.
import { everyEntry } from '../native/abi.ts'
import { binding } from '../native/binding.ts'

/** What the kernel answered, and the argument as it left it. */
export interface RegisterAnswer {
  readonly result: number
  readonly argument: Uint8Array | null
}

/** The worker's side: registers here and now. */
export type RegisterHere = (opcode: number, argument: Uint8Array | null, count: number) => RegisterAnswer

export function registerHere(ringFd: number): RegisterHere {
  return (opcode, argument, count) => {
    // A thread has limits of its own once it has submitted to the ring, which this one may not have. All of nothing will do.
    binding().enter(ringFd, everyEntry, 0, 0)
    return { result: binding().register(ringFd, opcode, argument, count), argument }
  }
}
