// Registrations: what io_uring_register(2) sets on a ring, beside registered buffers and rings of provided buffers. What
// RawRing.registrations gives; each kind has a file beside this one.
import { RegisterOp } from '../../../native/abi.ts'
import type { RingHandle } from '../../../workers/ring-handle.ts'
import { refused } from './call.ts'
import { clock } from './clock.ts'
import type { WaitClock } from './clock.ts'
import { fileAllocRange, filesUpdate } from './files.ts'
import type { FileAllocRange, FilesUpdate } from './files.ts'
import { iowqAffinity, iowqMaxWorkers, unregisterIowqAffinity } from './io-wq.ts'
import type { IowqMaxWorkers } from './io-wq.ts'
import { napi, unregisterNapi } from './napi.ts'
import type { NapiSettings } from './napi.ts'
import { registerPersonality } from './personality.ts'
import type { Personality } from './personality.ts'
import { probe, query } from './probe.ts'
import type { ProbeResult, QueryResult } from './probe.ts'
import { refusals } from './refused.ts'
import { syncCancel } from './sync-cancel.ts'
import type { SyncCancelOptions } from './sync-cancel.ts'

/**
 * What can be set on one ring. Calls that return at once are made by this thread, which any thread may; those with a promise concern
 * the thread that submits, and are made there. All take the ring's lock: they are for setting up, not for every request.
 * All throw (or reject with) ERR_RING_CLOSED and ERR_RING_LOST where the ring is no more, and EACCES where the ring's
 * restrictions do not name the registration, and ERR_RING_OPERATION_UNSUPPORTED with the poller `threadpool`.
 */
export class Registrations {
  private readonly handle: RingHandle

  /** Made by RawRing. */
  constructor(handle: RingHandle) {
    this.handle = handle
  }

  /**
   * Puts descriptors of the process into the ring's direct descriptors, at once; requests under way keep the files they have. Returns how many
   * slots were set. op.filesUpdate() does it in order with other requests. Since 5.5. io_uring_register_files_update(3).
   * @throws ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE; SystemError: EBADF (not open, or a ring)
   */
  filesUpdate(options: FilesUpdate): number {
    return filesUpdate(this.handle, options)
  }

  /**
   * Where `direct: 'allocate'` finds its slots from now on: `count` slots from `index`; at first it is all of RawRing.directDescriptors.
   * Since 6.0. io_uring_register_file_alloc_range(3).
   * @throws ERR_OUT_OF_RANGE; SystemError
   */
  fileAllocRange(options: FileAllocRange): void {
    fileAllocRange(this.handle, options)
  }

  /**
   * The credentials that this process has now, for operations that are carried out later (SubmitOptions.personality,
   * withPersonality()). Since 5.6. io_uring_register_personality(3).
   * @throws SystemError: ENOMEM, EBUSY (65,535 are registered)
   */
  personality(): Personality {
    return registerPersonality(this.handle)
  }

  /**
   * How many kernel worker threads a NUMA node may have for this ring's requests. Sets what is given; 0, or nothing, leaves it. Resolves
   * with what it was before: `iowqMaxWorkers({})` only asks. Since 5.15. io_uring_register_iowq_max_workers(3).
   * @throws (rejects) ERR_OUT_OF_RANGE; SystemError; ERR_RING_WORKER_LOST
   */
  iowqMaxWorkers(limits: Partial<IowqMaxWorkers>): Promise<IowqMaxWorkers> {
    return iowqMaxWorkers(this.handle, limits)
  }

  /**
   * The CPUs on which kernel worker threads may run, from the next one that is started. Since 5.14. io_uring_register_iowq_aff(3).
   * @throws (rejects) ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE; SystemError: EINVAL (one of them is outside the process's cpuset)
   */
  iowqAffinity(cpus: readonly number[]): Promise<void> {
    return iowqAffinity(this.handle, cpus)
  }

  /** They may run anywhere again. Since 5.14. @throws (rejects) SystemError */
  unregisterIowqAffinity(): Promise<void> {
    return unregisterIowqAffinity(this.handle)
  }

  /**
   * Polls network cards for so long before waiting for them. Returns the settings before. Since 6.9. io_uring_register_napi(3).
   * @throws ERR_OUT_OF_RANGE; SystemError: EINVAL where the kernel was built without it
   */
  napi(settings: NapiSettings): NapiSettings {
    return napi(this.handle, settings)
  }

  /** Turns that off; returns the settings before. Since 6.9. @throws SystemError */
  unregisterNapi(): NapiSettings {
    return unregisterNapi(this.handle)
  }

  /**
   * The clock of waits in io_uring_enter(2); at first MONOTONIC. Ringmaster's own waits are elsewhere. Since 6.12.
   * io_uring_register_clock(3).
   * @throws ERR_INVALID_ARG_VALUE; SystemError
   */
  clock(name: WaitClock): void {
    clock(this.handle, name)
  }

  /** Which operations the kernel has. Since 5.6. io_uring_register_probe(3). @throws SystemError */
  probe(): ProbeResult {
    return probe(this.handle)
  }

  /** What the kernel has, in numbers and bits. Since 6.18. @throws ERR_RING_REGISTRATION_REFUSED before that */
  query(): QueryResult {
    return query()
  }

  /**
   * Cancels requests without one: also when the queue is full, or nobody consumes it. Takes what op.asyncCancel() takes, and resolves with
   * how many were cancelled (0 for one that is named). They still settle for themselves. Since 6.0. io_uring_register_sync_cancel(3).
   * @throws (rejects) ERR_INVALID_ARG_VALUE, ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE; SystemError: ENOENT (nothing matches), ETIME (it cannot be stopped)
   */
  syncCancel(options: SyncCancelOptions): Promise<number> {
    return syncCancel(this.handle, options)
  }

  /** Refused: the one eventfd of a ring wakes its client. @throws ERR_RING_REGISTRATION_REFUSED, which says what to do instead */
  eventfd(): never {
    throw refused(RegisterOp.REGISTER_EVENTFD, refusals.get(RegisterOp.REGISTER_EVENTFD)!)
  }

  /** Refused: it needs DEFER_TASKRUN. @throws ERR_RING_REGISTRATION_REFUSED */
  resizeRings(): never {
    throw refused(RegisterOp.REGISTER_RESIZE_RINGS, refusals.get(RegisterOp.REGISTER_RESIZE_RINGS)!)
  }

  /** Refused: nothing of this client's waits uses it. @throws ERR_RING_REGISTRATION_REFUSED */
  memRegion(): never {
    throw refused(RegisterOp.REGISTER_MEM_REGION, refusals.get(RegisterOp.REGISTER_MEM_REGION)!)
  }

  /** Refused: it needs DEFER_TASKRUN and a special network card. @throws ERR_RING_REGISTRATION_REFUSED */
  zcrxIfq(): never {
    throw refused(RegisterOp.REGISTER_ZCRX_IFQ, refusals.get(RegisterOp.REGISTER_ZCRX_IFQ)!)
  }
}
