// What this process may do with io_uring and, if not, why: every cause told apart, each with what to do about it. Used by
// services before they start a pool. Nothing is inferred from version numbers that can be tried instead.
import { execFile } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'
import { release } from 'node:os'
import { fileURLToPath } from 'node:url'
import { EnterFlag, Probe, ProbeOp, RegisterOp, SetupFlag, opSupported } from './abi.ts'
import { addonFailure, binding } from './binding.ts'
import { RingUnavailableError, errnoName } from './errors.ts'
import type { UnavailableReason } from './errors.ts'
import { Control, placeRings } from './layout.ts'
import { prepNop } from './operations/control.ts'
import { openRing, viewRing } from './ring-memory.ts'
import type { MemoryKind } from './ring-geometry.ts'
import { allocateSharedMemory } from './shared-memory.ts'

export interface Verdict {
  readonly ok: boolean
  /** Set when not ok. */
  readonly reason?: UnavailableReason
  /** A sentence that says what is the matter and what to do. */
  readonly message?: string
}

/** The answers of the running kernel to this process. Plain data. */
export interface Capabilities {
  /** Rings can be made and complete a request. */
  readonly rings: Verdict
  /** Rings with an SQ thread (SQPOLL) can be made. */
  readonly sqpoll: Verdict
  readonly memory: readonly MemoryKind[]
  /** IORING_FEAT_* bits. */
  readonly features: number
  /** Opcodes that the kernel says it supports. */
  readonly opcodes: readonly number[]
  readonly kernelRelease: string
}

const ENOMEM = -12
const EPERM = -1
const EACCES = -13
const ENOSYS = -38
const EMFILE = -24
const ENFILE = -23

function procField(file: string, field: string): string {
  try {
    return new RegExp(`^${field}:?\\s+(.*)$`, 'm').exec(readFileSync(file, 'latin1'))?.[1] ?? ''
  } catch {
    return ''
  }
}

function ioUringDisabled(): string {
  try {
    return readFileSync('/proc/sys/kernel/io_uring_disabled', 'latin1').trim()
  } catch {
    return '0'
  }
}

const seccompFiltered = (): boolean => procField('/proc/self/status', 'Seccomp') === '2'

/** The cause behind a failed io_uring_setup(2), as far as the system lets on. */
export function explainSetupError(errno: number, sqpoll: boolean): { reason: UnavailableReason; message: string } {
  const name = errnoName(errno)
  if (errno === EPERM || errno === EACCES) {
    const disabled = ioUringDisabled()
    if (disabled === '2' || disabled === '1') {
      const who =
        disabled === '2' ? 'for everybody' : 'for processes without CAP_SYS_ADMIN that are not in kernel.io_uring_group'
      return {
        reason: 'sysctl',
        message: `the sysctl kernel.io_uring_disabled=${disabled} turns io_uring off ${who}: set it to 0 (sysctl -w kernel.io_uring_disabled=0)`,
      }
    }
    if (seccompFiltered()) {
      return {
        reason: 'seccomp',
        message: `a seccomp filter denies it (${name}); Docker, containerd 2 and Kubernetes RuntimeDefault do: use a profile that allows io_uring_setup, io_uring_enter and io_uring_register`,
      }
    }
    return sqpoll
      ? {
          reason: 'permission',
          message: `SQPOLL is denied (${name}): kernels before 5.13 want CAP_SYS_NICE or CAP_SYS_ADMIN, later ones may have a security module that denies it`,
        }
      : {
          reason: 'permission',
          message: `io_uring is denied (${name} of io_uring_setup, io_uring_enter or io_uring_register), probably by a security module (SELinux, AppArmor): look at its audit log`,
        }
  }
  if (errno === ENOSYS) {
    return seccompFiltered()
      ? {
          reason: 'seccomp',
          message:
            'a seccomp filter hides io_uring (ENOSYS): use a profile that allows io_uring_setup, io_uring_enter and io_uring_register',
        }
      : {
          reason: 'kernel',
          message: `this kernel (${release()}) has no io_uring: it needs Linux 5.13 or later with CONFIG_IO_URING (gVisor and WSL 1 have none)`,
        }
  }
  if (errno === ENOMEM) {
    const limit = procField('/proc/self/limits', 'Max locked memory').split(/\s+/)[0] ?? '?'
    return {
      reason: 'memlock',
      message: `the kernel would not lock the rings' memory (ENOMEM, "Max locked memory" is ${limit} bytes): raise it with ulimit -l or LimitMEMLOCK=, or use smaller queues`,
    }
  }
  if (errno === EMFILE || errno === ENFILE) {
    return { reason: 'descriptors', message: `no file descriptor is left (${name}): raise ulimit -n or close some` }
  }
  return {
    reason: errno === -22 ? 'kernel' : 'unknown',
    message: `io_uring_setup failed with ${name}${errno === -22 ? `: this kernel (${release()}) is too old for what was asked` : ''}`,
  }
}

/** Makes a ring, has it complete a no-op (no-op is skipped for SQPOLL: setting up is what may be denied), closes it. */
function tryRing(flags: number, memoryKind: MemoryKind): { errno: number; features: number; opcodes: number[] } {
  const addon = binding()
  const { places, sizeBytes } = placeRings(1, {
    sqEntries: 4,
    cqEntries: 8,
    slots: 1,
    leasesSizeBytes: 0,
    metricsSizeBytes: 0,
  })
  const memory = allocateSharedMemory(sizeBytes)
  const place = places[0]!
  const control = new Int32Array(memory, place.controlOffsetBytes, Control.sizeBytes >> 2)
  control.fill(-1, Control.ring_fd >> 2, (Control.wake_fd >> 2) + 1)
  const hold = addon.hold(new Uint8Array(memory, place.controlOffsetBytes, Control.sizeBytes), null, null, false)
  try {
    const geometry = openRing(memory, place, {
      sqEntries: 4,
      cqEntries: 8,
      flags,
      sqThreadIdleMs: 1,
      sqThreadCpu: -1,
      memory: memoryKind,
    })
    const { ring, detach } = viewRing(memory, place, geometry)
    let errno = 0
    if (flags === 0) {
      const at = ring.reserve()
      prepNop(ring.sqes, at, 0)
      ring.publish()
      const entered = addon.enter(geometry.ringFd, 1, 1, EnterFlag.GETEVENTS)
      errno = entered < 0 ? entered : ring.ready() === 1 ? 0 : -5
    }
    const opcodes = supportedOpcodes(geometry.ringFd)
    detach()
    // A filter may deny one of the three system calls only. That kernels before 5.6 have no such question is another error.
    if (typeof opcodes === 'number') return { errno: opcodes, features: geometry.features, opcodes: [] }
    return { errno, features: geometry.features, opcodes }
  } catch (error) {
    const errno = error instanceof Error && 'errno' in error ? Number(error.errno) : 0
    if (errno === 0) throw error
    return { errno, features: 0, opcodes: [] }
  } finally {
    addon.release(hold)
  }
}

/** Or -errno where io_uring_register(2) is denied. */
function supportedOpcodes(ringFd: number): number[] | number {
  const rows = 256
  const probe = new DataView(new ArrayBuffer(Probe.sizeBytes + rows * ProbeOp.sizeBytes))
  const answer = binding().register(ringFd, RegisterOp.REGISTER_PROBE, new Uint8Array(probe.buffer), rows)
  if (answer < 0) return answer === EPERM || answer === EACCES || answer === ENOSYS ? answer : []
  return Array.from(
    { length: probe.getUint8(Probe.ops_len) },
    (_, index) => Probe.sizeBytes + index * ProbeOp.sizeBytes,
  )
    .filter((at) => (probe.getUint16(at + ProbeOp.flags, true) & opSupported) !== 0)
    .map((at) => probe.getUint8(at + ProbeOp.op))
}

const verdict = (errno: number, sqpoll: boolean): Verdict =>
  errno === 0 ? { ok: true } : { ok: false, ...explainSetupError(errno, sqpoll) }

/** Tries it out in this very process. Where a sandbox kills the process for asking, so it does: see capabilities(). */
export function probeHere(): Capabilities {
  const kernelRelease = release()
  const none = { memory: [], features: 0, opcodes: [], kernelRelease } as const
  try {
    const user = tryRing(0, 'user')
    const mapped = tryRing(0, 'mapped')
    const best = user.errno === 0 ? user : mapped
    const memory: MemoryKind[] = []
    if (user.errno === 0) memory.push('user')
    if (mapped.errno === 0) memory.push('mapped')
    const rings = verdict(best.errno, false)
    if (!rings.ok) return { rings, sqpoll: rings, ...none }
    const sqpoll = tryRing(SetupFlag.SQPOLL, memory[0]!)
    return {
      rings,
      sqpoll: verdict(sqpoll.errno, true),
      memory,
      features: best.features,
      opcodes: best.opcodes,
      kernelRelease,
    }
  } catch (error) {
    const rings: Verdict =
      error instanceof RingUnavailableError
        ? { ok: false, reason: error.reason, message: error.message }
        : { ok: false, reason: 'unknown', message: error instanceof Error ? error.message : String(error) }
    return { rings, sqpoll: rings, ...none }
  }
}

const here = import.meta.url
const childFile = fileURLToPath(
  new URL(here.endsWith('.ts') ? '../dist/native/probe-child.js' : './probe-child.js', here),
)
const childTimeoutMs = 20_000

/** How often a probe is looked at. */
const watchDefaultMs = 100

/** Whether a process has lost its main thread and lives on: what a filter that kills threads (SCMP_ACT_KILL) leaves. */
export function hasNoMainThread(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return stat.startsWith('Z', stat.lastIndexOf(')') + 2) && readdirSync(`/proc/${pid}/task`).length > 1
  } catch {
    return false // gone
  }
}

const unusable = (reason: UnavailableReason, message: string): Capabilities => {
  const rings: Verdict = { ok: false, reason, message }
  return { rings, sqpoll: rings, memory: [], features: 0, opcodes: [], kernelRelease: release() }
}

const killed =
  'a seccomp filter kills whoever asks for io_uring (SIGSYS): use a profile that allows io_uring_setup, io_uring_enter and io_uring_register'

/** The same in a child process, which a sandbox may kill: that is an answer too. It is looked at every `watchMs`. */
export function probeInChild(watchMs: number = watchDefaultMs): Promise<Capabilities> {
  return new Promise((resolve) => {
    let threadKilled = false
    const options = { timeout: childTimeoutMs, env: { ...process.env, NODE_OPTIONS: '' } }
    const child = execFile(process.execPath, [childFile], options, (error, stdout) => {
      clearInterval(watch)
      // An answer counts before how the child ended: one that is about to exit has lost its main thread for a moment, too.
      try {
        resolve(JSON.parse(stdout) as Capabilities)
      } catch {
        resolve(
          threadKilled || error?.signal === 'SIGSYS'
            ? unusable('seccomp', killed)
            : unusable('unknown', `the probe ended without an answer (${error?.message ?? 'no output'})`),
        )
      }
    })
    // Without this a probe whose main thread was killed would be waited for until the time limit.
    const watch = setInterval(() => {
      if (child.pid === undefined || !hasNoMainThread(child.pid)) return
      threadKilled = true
      child.kill('SIGKILL')
    }, watchMs)
  })
}

/** What a program was short of, and may have later. */
const passing: readonly UnavailableReason[] = ['descriptors', 'memlock']

let cached: Promise<Capabilities> | undefined

/**
 * What this process may do, asked once, but for what it is short of (descriptors, locked memory), which is asked again. Where a seccomp filter is in force, a child process asks first, because some
 * filters kill whoever does; elsewhere nothing can, and asking takes a millisecond.
 */
export function capabilities(): Promise<Capabilities> {
  cached ??= probe().then((found) => {
    if (found.rings.reason !== undefined && passing.includes(found.rings.reason)) cached = undefined
    return found
  })
  return cached
}

function probe(): Promise<Capabilities> {
  const failure = addonFailure()
  if (failure !== null) return Promise.resolve(unusable(failure.reason, failure.detail))
  return seccompFiltered() ? probeInChild() : Promise.resolve(probeHere())
}
