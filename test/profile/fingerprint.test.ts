// The fingerprint: what the machine says of itself, held against other programs that ask, and the comparison of two.
import { execFileSync } from 'node:child_process'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { compareFingerprints, takeFingerprint } from '../../services/profile/fingerprint.ts'
import type { Fingerprint } from '../../services/profile/schema.ts'
import { readStorage } from '../../services/profile/storage.ts'
import { temporaryFolder } from '../services/harness.ts'

const run = (command: string, ...args: string[]): string => execFileSync(command, args, { encoding: 'utf8' }).trim()

describe('this machine', () => {
  const here = takeFingerprint('.')

  it('has the kernel, the CPUs and the memory that others see', () => {
    expect(here.kernel).toBe(run('uname', '-r'))
    expect(here.cpus).toBe(Number(run('nproc')))
    expect(here.memoryBytes).toBe(Number(/^Mem:\s+(\d+)/m.exec(run('free', '-b'))?.[1]))
    expect(here.cpuModel).not.toBe('')
    expect(Date.parse(here.date)).toBeGreaterThan(0)
  })

  it.each(['.', '/', '/proc', '/dev/shm'])('has %s on the file system that findmnt names', (path) => {
    const [type, options] = run('findmnt', '-no', 'FSTYPE,OPTIONS', '-T', path).split(/\s+/)
    const { fileSystem } = takeFingerprint(path)
    expect(fileSystem!.type).toBe(type)
    for (const option of options!.split(',')) expect(fileSystem!.mountOptions).toContain(option)
  })

  it('has no device below memory, and none of a path that is not there', () => {
    expect(takeFingerprint('/dev/shm').device).toBeNull()
    expect(takeFingerprint('/no/such/path')).toMatchObject({ fileSystem: null, device: null })
  })

  it('is the same a moment later', () => {
    expect(compareFingerprints(here, takeFingerprint('.'))).toEqual([])
  })
})

describe('a folder', () => {
  /** /proc and /sys of a machine with a disk of two partitions; the second one has a mount with a blank in its name. */
  function machineWithDisk(): { path: string; remove: () => void } {
    const root = temporaryFolder()
    const write = (path: string, text: string): void => {
      mkdirSync(dirname(join(root.path, path)), { recursive: true })
      writeFileSync(join(root.path, path), text)
    }
    const mounts = [
      '20 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw',
      '21 20 8:2 / /srv/a\\040b rw,noatime shared:2 - xfs /dev/sda2 rw,attr2',
      '22 20 0:40 / /run rw,nosuid - tmpfs tmpfs rw,size=1k',
      '23 20 0:41 / /srv/a\\040b/covered rw - tmpfs one rw',
      '24 20 8:1 /x /srv/a\\040b/covered rw - ext4 /dev/sda1 rw',
    ]
    write('proc/self/mountinfo', `${mounts.join('\n')}\n`)
    write('sys/devices/pci/block/sda/queue/scheduler', 'none [mq-deadline] kyber\n')
    write('sys/devices/pci/block/sda/queue/rotational', '0\n')
    write('sys/devices/pci/block/sda/queue/nomerges', '2\n')
    write('sys/devices/pci/block/sda/queue/write_cache', 'write back\n')
    write('sys/devices/pci/block/sda/device/model', 'FAST DISK 9000\n')
    mkdirSync(join(root.path, 'sys/dev/block'), { recursive: true })
    for (const number of [1, 2]) {
      write(`sys/devices/pci/block/sda/sda${number}/partition`, `${number}\n`)
      symlinkSync(`../../devices/pci/block/sda/sda${number}`, join(root.path, `sys/dev/block/8:${number}`))
    }
    return root
  }

  it('is on the nearest mount above it; a partition has the queue of its disk', () => {
    const root = machineWithDisk()
    try {
      expect(readStorage('/srv/a b/data', root.path)).toEqual({
        fileSystem: { type: 'xfs', mountOptions: ['attr2', 'noatime', 'rw'] },
        device: {
          name: 'sda',
          model: 'FAST DISK 9000',
          rotational: false,
          scheduler: 'mq-deadline',
          nomerges: 2,
          writeCache: 'write back',
        },
      })
      expect(readStorage('/srv/a bc', root.path).fileSystem!.type).toBe('ext4')
      expect(readStorage('/run/x', root.path)).toMatchObject({ fileSystem: { type: 'tmpfs' }, device: null })
      expect(readStorage('/srv/a b/covered', root.path).fileSystem!.type).toBe('ext4')
    } finally {
      root.remove()
    }
  })
})

describe('two machines', () => {
  const device = {
    name: 'sda',
    model: 'A',
    rotational: false,
    scheduler: 'none',
    nomerges: 0,
    writeCache: 'write back',
  }
  const one: Fingerprint = {
    kernel: '6.1.0',
    cpuModel: 'Example CPU',
    cpus: 8,
    quotaCpus: null,
    memoryBytes: 16 * 2 ** 30,
    fileSystem: { type: 'ext4', mountOptions: ['noatime', 'rw'] },
    device,
    ringmaster: '1.0.0',
    date: '2024-01-01T00:00:00.000Z',
  }

  it.each<[string, Partial<Fingerprint>, RegExp]>([
    ['kernel', { kernel: '6.12.0' }, /^kernel: 6\.12\.0 now, 6\.1\.0 when the profile was made$/],
    ['CPU', { cpuModel: 'Other' }, /^CPU: Other now/],
    ['CPUs', { cpus: 2 }, /^CPUs: 2 now, 8 when/],
    ['quota', { quotaCpus: 1.5 }, /^CPU quota: 1\.5 now, none when/],
    ['memory', { memoryBytes: 4 * 2 ** 30 }, /^memory: 4\.0 GiB now, 16\.0 GiB when/],
    [
      'file system',
      { fileSystem: { type: 'xfs', mountOptions: ['noatime', 'rw'] } },
      /^file system: xfs now, ext4 when/,
    ],
    [
      'mount options',
      { fileSystem: { type: 'ext4', mountOptions: ['rw', 'sync'] } },
      /^mount options that differ: sync now, noatime when/,
    ],
    ['no device', { device: null }, /^device: none now, sda when/],
    ['scheduler', { device: { ...device, scheduler: 'bfq' } }, /^device's scheduler: bfq now, none when/],
    ['nomerges', { device: { ...device, nomerges: 2 } }, /^device's nomerges: 2 now, 0 when/],
    ['write cache', { device: { ...device, writeCache: 'write through' } }, /^device's write cache: write through now/],
    ['turning disk', { device: { ...device, rotational: true } }, /^device that turns: yes now, no when/],
    ['model', { device: { ...device, model: 'B' } }, /^device's model: B now, A when/],
    ['version', { ringmaster: '2.0.0' }, /^Ringmaster: 2\.0\.0 now, 1\.0\.0 when/],
  ])('differ in their %s, and in nothing else', (_, change, says) => {
    const differences = compareFingerprints(one, { ...one, ...change })
    expect(differences).toHaveLength(1)
    expect(differences[0]).toMatch(says)
  })

  it('are the same after a reboot: another date, another name of the disk, a little less memory', () => {
    const rebooted = { ...one, date: '2024-02-01T00:00:00.000Z', memoryBytes: one.memoryBytes * 0.99 }
    expect(compareFingerprints(one, { ...rebooted, device: { ...device, name: 'sdb' } })).toEqual([])
  })
})
