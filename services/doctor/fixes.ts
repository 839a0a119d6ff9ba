// What mends a limit or a policy, as it is written where this process runs: a line of a unit, of a manifest, an option of an engine, a command.
// Used by denial.ts and by checks.
import { asRoot } from './commands.ts'
import { raiseCpus, raiseMemory, raisePids } from './group-fixes.ts'
import type { Surroundings } from './surroundings.ts'
import type { ThreadsLeft } from './threads.ts'

/** Of systemd's and container engines' limits the usual size. */
const threadsAdvised = 4096

/** No namespace has a sysctl of the kernel to itself: in a container it is the machine's. */
export function sysctlFix({ container, isKubernetes }: Surroundings, assignment: string): string {
  if (isKubernetes) return `on the node: sysctl -w ${assignment}`
  return container === null ? asRoot(`sysctl -w ${assignment}`) : `on the host: sysctl -w ${assignment}`
}

const profileFolder = 'deploy/container/seccomp'

export function seccompFix({ container, isKubernetes, unit }: Surroundings): string {
  if (isKubernetes)
    return `copy ${profileFolder}/ringmaster-oci.json below the kubelet's seccomp folder and set securityContext: {seccompProfile: {type: Localhost, localhostProfile: ringmaster-oci.json}}`
  if (container !== null) return `--security-opt seccomp=${profileFolder}/ringmaster.json`
  if (unit !== null)
    return `SystemCallFilter=io_uring_setup io_uring_enter io_uring_register in the [Service] of ${unit}`
  return 'allow io_uring_setup, io_uring_enter and io_uring_register in the filter of whoever started this process'
}

/** The same program without a filter, once: to see whether it is the filter. */
export function withoutFilter({ container, isKubernetes, unit }: Surroundings): string {
  if (isKubernetes) return 'run it once with securityContext: {seccompProfile: {type: Unconfined}}'
  if (container !== null) return 'run it once with --security-opt seccomp=unconfined'
  if (unit !== null) return `run it once in a shell instead of ${unit}`
  return 'run it once from another shell, without whoever has set the filter'
}

/** A shell takes what stands behind # for a comment: the line can be pasted. Who is not root raises a limit up to the hard one only. */
const hardLimit = (name: string, value: number): string =>
  `above the hard limit: ${asRoot(`prlimit --pid $$ --${name}=${value}:${value}`)}`

/** `bytes` that are to be lockable in all. */
export function memlockFix({ container, isKubernetes, unit }: Surroundings, bytes: number): string {
  if (isKubernetes) return 'securityContext: {capabilities: {add: [IPC_LOCK]}}'
  if (container !== null) return `--ulimit memlock=${bytes}:${bytes}`
  if (unit !== null) return `LimitMEMLOCK=${bytes} in the [Service] of ${unit}`
  const kib = Math.ceil(bytes / 1024)
  return `ulimit -l ${kib} # ${hardLimit('memlock', bytes)}; for good: "* - memlock ${kib}" in /etc/security/limits.conf`
}

export function descriptorsFix({ container, isKubernetes, unit }: Surroundings, count: number): string {
  if (isKubernetes) return `the container runtime's LimitNOFILE=${count} (a pod cannot say it)`
  if (container !== null) return `--ulimit nofile=${count}:${count}`
  if (unit !== null) return `LimitNOFILE=${count} in the [Service] of ${unit}`
  return `ulimit -n ${count} # ${hardLimit('nofile', count)}`
}

export function threadsFix({ container, isKubernetes, unit }: Surroundings, { by }: ThreadsLeft): string {
  if (by === 'RLIMIT_NPROC' && container !== null && !isKubernetes)
    return `--ulimit nproc=${threadsAdvised}:${threadsAdvised}`
  if (by === 'RLIMIT_NPROC')
    return unit === null
      ? `ulimit -u ${threadsAdvised} # ${hardLimit('nproc', threadsAdvised)}`
      : `LimitNPROC=${threadsAdvised} in the [Service] of ${unit}`
  if (isKubernetes) return "the kubelet's podPidsLimit"
  if (container !== null) return `--pids-limit=${threadsAdvised}`
  if (unit !== null) return `TasksMax=${threadsAdvised} in the [Service] of ${unit}`
  return raisePids(threadsAdvised) ?? `raise pids.max of this process's control group to ${threadsAdvised}`
}

export function cpusFix({ container, isKubernetes, unit }: Surroundings, cpus: number): string {
  if (isKubernetes) return `resources: {limits: {cpu: "${cpus}"}}`
  if (container !== null) return `--cpus=${cpus}`
  if (unit !== null) return `CPUQuota=${cpus * 100}% in the [Service] of ${unit}`
  return (
    raiseCpus(cpus) ?? `raise cpu.max (cgroup v1: cpu.cfs_quota_us) of this process's control group to ${cpus} CPUs`
  )
}

export function memoryFix({ container, isKubernetes, unit }: Surroundings, bytes: number): string {
  if (isKubernetes) return `resources: {limits: {memory: "${Math.ceil(bytes / 2 ** 20)}Mi"}}`
  if (container !== null) return `--memory=${Math.ceil(bytes / 2 ** 20)}m`
  if (unit !== null) return `MemoryMax=${bytes} in the [Service] of ${unit}`
  return (
    raiseMemory(bytes) ??
    `raise memory.max (cgroup v1: memory.limit_in_bytes) of this process's control group to ${bytes}`
  )
}
