// Whether the file system of a folder is read-only, which statfs(2) of Node.js does not say. Called by daemon-metrics.ts; its numbers of devices by services/doctor, too.
import { readFile } from 'node:fs/promises'

/**
 * By what /proc/self/mountinfo says of the device (proc_pid_mountinfo(5)); `device` is st_dev. It is the file system that counts, not the
 * mount: a folder that a container may only read can be on a disk that others fill. False where the device is not found: file systems with
 * several (btrfs) have their own numbers.
 */
export async function isReadOnly(device: number): Promise<boolean> {
  return readOnlyIn(await readFile('/proc/self/mountinfo', 'utf8'), device)
}

/** 36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue: the last field is the file system's. */
export function readOnlyIn(mountinfo: string, device: number): boolean {
  const found = deviceNumbers(device)
  const line = mountinfo.split('\n').find((candidate) => candidate.split(' ', 3)[2] === found)
  const superOptions = line?.split(' - ', 2)[1]?.split(' ')[2] ?? ''
  return superOptions.split(',').includes('ro')
}

/** As makedev(3) of glibc puts them together: more than 32 bits, which the bit operators of JavaScript do not have. */
export function deviceNumbers(device: number): string {
  const low = device % 2 ** 32
  const high = Math.floor(device / 2 ** 32)
  const major = ((low >>> 8) & 0xfff) + ((high >>> 12) << 12)
  const minor = (low & 0xff) + ((low >>> 20) << 8)
  return `${major}:${minor}`
}
