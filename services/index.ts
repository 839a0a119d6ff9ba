// The public surface of the package: what is not exported here is nobody's business.
export { Ringmaster } from './ringmaster.ts'
export { openAdmin } from './admin.ts'
export type { Admin, AdminOptions } from './admin-options.ts'
export type { RingFileSystem } from './file-system.ts'
export type { OpenOptions, ReadFileOptions, WriteFileOptions } from './file-options.ts'
export type { RingmasterStats } from './ringmaster-stats.ts'
export type { Trace, TraceOptions, TraceStats } from './trace.ts'
export type { TraceEvent, TraceInFlight, TraceWakeup } from '../metrics/trace-event.ts'
export type { RingView, ViewOptions } from './view.ts'
export type { RingsHandle } from './clients/handle.ts'
export type { ResidentService, ServiceOptions } from './residents/service.ts'
export type { ServiceContext } from './residents/runner.ts'
export type { Resident } from './residents/protocol.ts'
export { RingFile } from './file.ts'
export { Arena } from './arena.ts'
export type { ArenaOptions, ArenaStats } from './arena.ts'
export type { ArenaLease } from '../workers/arena.ts'
export type { ReadOptions, ReadResult, WriteOptions, WriteResult } from './file-options.ts'
export type { RingmasterOptions } from './options.ts'
export type { ProfileEvent } from './profile/event.ts'
export { allowPrivilegeChanges } from './process-guard.ts'
export type { ClientStats, RingStats } from './ring-stats.ts'
export type { RingHealth } from './ring-health.ts'
export type { WorkerEvent, WorkerState } from '../workers/supervisor.ts'
export type { Choice } from './placement/types.ts'
export type { Advice, AdviceCause, RingAdvice } from './advice.ts'
export type {
  AdviceEvent,
  BacklogFullEvent,
  CqOverflowEvent,
  RingEvent,
  RingmasterChannels,
  RingStateEvent,
  WorkerStateEvent,
} from './diagnostics.ts'
export { renderMetrics } from '../metrics/render.ts'
export type { RenderedMetrics, ScrapeHeaders } from '../metrics/render.ts'
export type { PathLike } from './arguments.ts'
export { RingError, RingTimeoutError, RingUnavailableError } from './errors.ts'
export type { SystemError, UnavailableReason } from './errors.ts'
export { keepTransferable } from '../native/addresses.ts'
export { addonOrigin } from '../native/binding.ts'
export type { AddonOrigin } from '../native/addon-file.ts'
export { capabilities } from '../native/capabilities.ts'
export type { Capabilities, Verdict } from '../native/capabilities.ts'
