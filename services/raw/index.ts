// The public surface of `ringmaster/raw`: every operation of io_uring, typed.
export { Chain } from './chain.ts'
export type { StepOutcome } from './chain.ts'
export { makeOperation } from './operation.ts'
export type { Descriptor, DirectDescriptor, Operation, OperationParts } from './operation.ts'
export { RawRing } from './raw-ring.ts'
export type { SubmitOptions } from './raw-ring.ts'
