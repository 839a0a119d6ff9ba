// The errors that users can meet, for `instanceof`; codes and messages are in native/errors.ts.
export { RingError, RingTimeoutError, RingUnavailableError } from '../native/errors.ts'
export type { SystemError, UnavailableReason } from '../native/errors.ts'
