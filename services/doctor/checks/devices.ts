// The device below PATH: how its queue is set, and whether what fdatasync says is to be believed. A queue's settings are told and never called a
// fault: which is faster depends on device and load, and `ringmaster tune` measures it.
import { writeFix } from '../commands.ts'
import type { Context } from '../context.ts'
import { describeDevice, lowest } from '../devices.ts'
import type { BlockDevice } from '../devices.ts'
import type { Finding } from '../finding.ts'
import { kindOf } from '../mounts.ts'

const queueFile = ({ name }: BlockDevice, file: string): string => `/sys/block/${name}/queue/${file}`

/** `what`, and of which device where there are several. */
const each = (devices: readonly BlockDevice[], what: (device: BlockDevice) => string): string =>
  devices.length === 1 ? what(devices[0]!) : devices.map((device) => `${device.name}: ${what(device)}`).join(', ')

const said = (text: string): string => (text === '' ? 'not said' : text)

function checkQueue(disks: readonly BlockDevice[]): Finding[] {
  const echo = (value: string, file: string): string =>
    disks.map((disk) => writeFix(value, queueFile(disk, file))).join('; ')
  const isQuick = disks.every(({ rotational }) => !rotational)
  const hasScheduler = disks.some(({ scheduler }) => scheduler !== 'none' && scheduler !== '')
  const merges = disks.some(({ nomerges }) => nomerges === '0' || nomerges === '1')
  const polls = disks.every(({ ioPoll }) => ioPoll === '1')
  return [
    {
      id: 'storage.scheduler',
      title: 'I/O scheduler',
      need: isQuick ? 'none' : 'any (it says that it rotates)',
      have: each(disks, ({ scheduler }) => said(scheduler)),
      verdict: isQuick && hasScheduler ? 'info' : 'ok',
      why:
        isQuick && hasScheduler
          ? 'a scheduler takes a lock for each request, which pays for disks that seek'
          : 'as it is usual for such a device',
      fix: isQuick && hasScheduler ? echo('none', 'scheduler') : null,
    },
    {
      id: 'storage.merges',
      title: 'merging of requests',
      need: 'off (2) for small random I/O',
      have: each(disks, ({ nomerges }) => said(nomerges)),
      verdict: merges ? 'info' : 'ok',
      why: merges
        ? 'the kernel looks for neighbours of each request; with small random ones it finds none'
        : 'no time is spent on it',
      fix: merges ? echo('2', 'nomerges') : null,
    },
    {
      id: 'storage.polling',
      title: 'polled I/O (IOPOLL)',
      need: 'only for NVMe with poll queues',
      have: each(disks, ({ ioPoll }) => (ioPoll === '1' ? 'possible' : 'not possible')),
      verdict: 'ok',
      why: polls
        ? 'the device has queues for it; Ringmaster does not use them'
        : 'the device has no queues for it, and nothing here needs them',
      fix: null,
    },
  ]
}

function checkCache(disks: readonly BlockDevice[]): Finding {
  const isVolatile = disks.some(({ writeCache }) => writeCache === 'write back')
  return {
    id: 'storage.cache',
    title: 'write cache',
    need: 'any, if syncs reach the disk',
    have: each(disks, ({ writeCache }) => said(writeCache)),
    verdict: 'ok',
    why: isVolatile
      ? 'it loses its content with the power, so fdatasync has to empty it: see the next line'
      : 'what the device has taken is durable, it says',
    fix: null,
  }
}

/** Quicker than any write to flash: a read of NAND takes some 50 µs, a write more, and what is less was kept in memory. */
const implausibleNs = 30_000

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other)
  const middle = Math.floor(sorted.length / 2)
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

const microseconds = (ns: number): string =>
  ns < 10_000 ? `${(ns / 1000).toFixed(1)} µs` : `${Math.round(ns / 1000).toLocaleString('en')} µs`

function checkSync({ storage }: Pick<Context, 'storage'>, disks: readonly BlockDevice[]): Finding {
  const { file, mount, fileError } = storage.facts
  const base = { id: 'storage.sync', title: 'fdatasync', need: `${implausibleNs / 1000} µs or more, on a disk` }
  const syncNs = file?.syncNs ?? null
  if (syncNs === null || syncNs.length === 0)
    return {
      ...base,
      have: 'not tried',
      verdict: 'unknown',
      why: `no file may be made there (${fileError ?? 'no answer'})`,
      fix: null,
    }
  const typicalNs = median(syncNs)
  const have = `median ${microseconds(typicalNs)} of ${syncNs.length}`
  if (mount !== null && mount !== undefined && kindOf(mount) === 'memory')
    return {
      ...base,
      have,
      verdict: 'info',
      why: 'in memory there is nothing to wait for, and nothing becomes durable',
      fix: null,
    }
  if (disks.length === 0)
    return {
      ...base,
      have,
      verdict: 'info',
      why: 'on no disk that can be seen from here: what it means is the file system’s business',
      fix: null,
    }
  if (disks.some(({ kind }) => kind === 'memory'))
    return { ...base, have, verdict: 'info', why: 'the device is made of memory', fix: null }
  if (typicalNs >= implausibleNs)
    return {
      ...base,
      have,
      verdict: 'ok',
      why: 'as long as a disk may take; that it is durable then cannot be seen without pulling the plug',
      fix: null,
    }
  const isVolatile = disks.some(({ writeCache }) => writeCache === 'write back')
  if (!isVolatile)
    return {
      ...base,
      have,
      verdict: 'unknown',
      why: 'quicker than flash: the device has memory that outlasts the power, or it, or whatever stands before it, lies. Its data sheet says which (power-loss protection)',
      fix: null,
    }
  return {
    ...base,
    have,
    verdict: 'degraded',
    why: 'quicker than a disk can be whose cache has to be emptied: something answers without doing it (a virtual disk with cache=unsafe, a controller, a preloaded library such as libeatmydata), and what was "durable" is lost with the power',
    fix: 'in the virtual machine’s disk: cache=none or writethrough instead of unsafe; unset LD_PRELOAD',
  }
}

export function checkDevices(context: Pick<Context, 'storage'>): Promise<Finding[]> {
  const { device, pathError, file } = context.storage.facts
  if (context.storage.end !== 'done' || (pathError ?? null) !== null) return Promise.resolve([])
  if (device === null || device === undefined)
    return Promise.resolve((file ?? null) === null ? [] : [checkSync(context, [])])
  const disks = lowest(device)
  const isOther = context.storage.facts.kind === 'other'
  const chain: Finding = {
    id: 'storage.device',
    title: 'device',
    need: 'a disk',
    have: describeDevice(device),
    verdict: device.kind === 'loop' ? 'info' : 'ok',
    why:
      device.kind === 'loop'
        ? 'a loop device: each request goes through another file system, and a thread of the kernel'
        : 'from the file system down',
    fix: null,
  }
  return Promise.resolve([
    chain,
    ...checkQueue(disks),
    checkCache(disks),
    ...(isOther ? [] : [checkSync(context, disks)]),
  ])
}
