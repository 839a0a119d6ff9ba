// The CPUs this process really has, against the threads that are to spin on them; control groups, NUMA, and the clock.
import { cgroupVersion } from '../../machine/cgroup.ts'
import { formatCpuList, readText } from '../../machine/text.ts'
import { count } from '../../placement/types.ts'
import { writeFix } from '../commands.ts'
import type { Context } from '../context.ts'
import type { Finding } from '../finding.ts'
import { cpusFix } from '../fixes.ts'

/** The client, and what polls beside it: a thread for each ring, one for all where they share it. */
export function spinnersOf({ start }: Pick<Context, 'start'>): number {
  const { rings = [], choices = [] } = start.facts
  const polling = rings.filter(({ poller }) => poller === 'kernel' || poller === 'worker').length
  const isShared = choices.some(({ name, value }) => name === 'sqThreads' && value === 'shared')
  return 1 + (isShared ? Math.min(1, polling) : polling)
}

/** Fewer rings help where one beside the client has a CPU. */
function uncrowded({ machine, surroundings }: Context, spinners: number): string {
  const rings = Math.floor(machine.effectiveCpus) - 1
  const more =
    machine.affinity.length < spinners && machine.affinity.length < machine.online.length
      ? `more CPUs: taskset -c ${formatCpuList(machine.online)}, or the cpuset`
      : Number.isFinite(machine.quotaCpus)
        ? cpusFix(surroundings, Math.min(spinners, machine.affinity.length))
        : null
  return [...(rings > 0 ? [`--rings ${rings}`] : []), '--poller caller', ...(more === null ? [] : [more])].join(', or ')
}

function checkEffective(context: Context): Finding {
  const { affinity, effectiveCpus, online } = context.machine
  const spinners = spinnersOf(context)
  const isCrowded = spinners > 1 && spinners > effectiveCpus
  const isPart = affinity.length < online.length
  return {
    id: 'cpu.effective',
    title: 'CPUs',
    need: `${spinners} (threads that may spin: the client${spinners > 1 ? ` and ${spinners - 1} that poll` : ''})`,
    have: `${count(effectiveCpus, 'CPU')}${isPart ? `: ${formatCpuList(affinity)} of ${formatCpuList(online)}` : ''}`,
    verdict: isCrowded ? 'degraded' : effectiveCpus < 2 ? 'info' : 'ok',
    why: isCrowded
      ? `${spinners} threads that spin take ${count(effectiveCpus, 'CPU')} from each other`
      : effectiveCpus < 2
        ? 'there is no CPU for an SQ thread or a worker: the poller caller does without'
        : 'each thread that spins has a CPU',
    fix: isCrowded ? uncrowded(context, spinners) : null,
  }
}

function checkQuota(context: Context): Finding {
  const { machine, surroundings } = context
  const { quotaCpus, affinity } = machine
  const spinners = spinnersOf(context)
  const base = { id: 'cpu.quota', title: 'CPU quota', need: `none, or ${count(spinners, 'CPU')}` }
  if (quotaCpus === Infinity)
    return { ...base, have: 'none', verdict: 'ok', why: 'no control group limits CPU time', fix: null }
  const have = `${count(quotaCpus, 'CPU')} of ${affinity.length}`
  const isShort = quotaCpus < Math.min(spinners, affinity.length)
  return {
    ...base,
    have,
    verdict: isShort ? 'degraded' : 'info',
    why: isShort
      ? `${count(spinners, 'thread')} may want a CPU, and are stopped for the rest of each period once the quota is spent: latency has pauses of up to 100 ms`
      : 'a thread that spins is paid for out of it; placement goes by it',
    // Engines take no more than there are.
    fix: isShort ? cpusFix(surroundings, Math.min(spinners, affinity.length)) : null,
  }
}

function checkCgroupVersion(): Finding {
  const version = cgroupVersion('/')
  const names = { v1: 'version 1', v2: 'version 2', hybrid: 'versions 1 and 2 (hybrid)', none: 'none' } as const
  return {
    id: 'cpu.cgroup',
    title: 'control groups',
    need: 'any',
    have: names[version],
    verdict: version === 'none' ? 'info' : 'ok',
    why:
      version === 'none'
        ? 'no hierarchy is mounted: a quota, if there is one, cannot be seen'
        : 'quota and cpuset are read from either',
    fix: null,
  }
}

function checkNuma({ machine }: Context): Finding {
  const { nodes, cores } = machine
  return {
    id: 'cpu.numa',
    title: 'NUMA nodes',
    need: '1, or pins',
    have: `${nodes.length} (${count(cores.length, 'core')})`,
    verdict: nodes.length > 1 ? 'info' : 'ok',
    why:
      nodes.length > 1
        ? "polling threads are pinned on the client's node where it has enough cores; to keep memory there as well, start the program under numactl"
        : 'all memory is equally near',
    fix: nodes.length > 1 ? 'numactl --cpunodebind=0 --membind=0 node …' : null,
  }
}

/** Read from user space, without a system call (vDSO): arch/x86/kernel, drivers/clocksource. */
const fastClocks = [
  'tsc',
  'kvm-clock',
  'hyperv_clocksource_tsc_page',
  'arch_sys_counter',
  'timebase',
  'tod',
  'riscv_clocksource',
  'xen',
]
/** A register of a device is read for each. */
const slowClocks = ['hpet', 'acpi_pm', 'jiffies', 'refined-jiffies', 'pit', 'hyperv_clocksource_msr']
const clockFolder = 'sys/devices/system/clocksource/clocksource0'

function checkClock(): Finding {
  const current = readText('/', `${clockFolder}/current_clocksource`)
  const available = readText('/', `${clockFolder}/available_clocksource`).split(/\s+/)
  const isSlow = slowClocks.includes(current)
  const better = fastClocks.find((name) => available.includes(name))
  return {
    id: 'cpu.clock',
    title: 'clock source',
    need: 'one that is read without a system call',
    have: current === '' ? 'not said' : current,
    verdict: isSlow ? 'degraded' : fastClocks.includes(current) ? 'ok' : 'unknown',
    why: isSlow
      ? `each look at the clock is a system call and a slow register, and two are taken for each batch; available: ${available.join(', ')}`
      : fastClocks.includes(current)
        ? 'read by the vDSO'
        : 'whether the vDSO reads this one is not known',
    fix: !isSlow
      ? null
      : better === undefined
        ? 'the kernel found tsc unstable (journalctl -k | grep -i clocksource): tsc=reliable on its command line, if you know better'
        : writeFix(better, `/${clockFolder}/current_clocksource`),
  }
}

export function checkCpus(context: Context): Promise<Finding[]> {
  return Promise.resolve([
    checkEffective(context),
    checkQuota(context),
    checkCgroupVersion(),
    checkNuma(context),
    checkClock(),
  ])
}
