// Whether a file system is read-only, from what the kernel lists; compared with findmnt, which reads the same for people.
import { spawnSync } from 'node:child_process'
import { statSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { isReadOnly, readOnlyIn } from '../../services/cli/read-only-mount.ts'

const lines = (superOptions: string, mountOptions = 'rw'): string =>
  `22 1 0:21 / /proc rw - proc proc rw
36 35 259:4 / /a\\040b ${mountOptions},noatime master:1 - ext4 /dev/nvme0n1p4 ${superOptions}
`
const device = (259 << 8) | 4

describe('a read-only file system', () => {
  it('is one whose own options say so', () => {
    expect(readOnlyIn(lines('ro,relatime'), device)).toBe(true)
    expect(readOnlyIn(lines('rw,errors=remount-ro'), device)).toBe(false)
  })

  it('is not one that is only mounted read-only here', () => {
    expect(readOnlyIn(lines('rw', 'ro'), device)).toBe(false)
  })

  it('is not one that is not listed', () => {
    expect(readOnlyIn(lines('ro'), device + 1)).toBe(false)
    expect(readOnlyIn('', device)).toBe(false)
  })

  it('has minor numbers of more than eight bits', () => {
    expect(readOnlyIn('1 0 0:4660 / /x ro - squashfs /dev/loop0 ro\n', (0x34 | (0x12 << 20)) >>> 0)).toBe(true)
  })

  it.each(['/proc', '/tmp', '/sys'])('%s is what findmnt says', async (folder) => {
    const { stdout, error } = spawnSync('findmnt', ['-no', 'FS-OPTIONS', '-T', folder], { encoding: 'utf8' })
    expect(error).toBe(undefined)
    expect(await isReadOnly(statSync(folder).dev)).toBe(stdout.trim().split('\n')[0]!.split(',').includes('ro'))
  })
})
