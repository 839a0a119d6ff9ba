// The sysctl kernel.io_uring_disabled, set for real; and which security modules there are, where that can be read and where not. Alone: processes
// without privileges have no rings meanwhile.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { temporaryFolder } from '../services/harness.ts'
import { examine, finding } from './examination.ts'

const folder = temporaryFolder()
afterAll(() => {
  folder.remove()
})

const [disabled, group] = ['/proc/sys/kernel/io_uring_disabled', '/proc/sys/kernel/io_uring_group']
const before = (path: string): string => readFileSync(path, 'latin1').trim()
const isOpen = existsSync(disabled) && before(disabled) === '0' && before(group) === '-1'
const hasSetpriv = spawnSync('setpriv', ['--version']).status === 0
const canSet = process.getuid?.() === 0 && isOpen && hasSetpriv && (statSync(disabled).mode & 0o200) !== 0

/** Root without its capabilities. */
const under = ['setpriv', '--bounding-set', '-all', '--inh-caps', '-all']

// 2 would deny it to everything else on the machine meanwhile.
describe.runIf(canSet)('kernel.io_uring_disabled=1', () => {
  afterEach(() => {
    writeFileSync(disabled, '0')
    writeFileSync(group, '-1')
  })

  it('denies rings to who has no CAP_SYS_ADMIN: it is the sysctl', async () => {
    writeFileSync(disabled, '1')
    const found = await examine([folder.path], { under })
    expect(found.find('rings.make')).toMatchObject(
      finding(
        'broken',
        /^denied: sysctl$/,
        /kernel\.io_uring_disabled=1 denies/,
        /sysctl -w kernel\.io_uring_disabled=0/,
      ),
    )
    expect(found.find('policy.sysctl')).toMatchObject(finding('broken', /^1$/, /this process is neither/, /sysctl -w/))
  })

  it('does not to the group kernel.io_uring_group', async () => {
    writeFileSync(disabled, '1')
    writeFileSync(group, String(process.getegid?.()))
    const found = await examine([folder.path], { under })
    expect(found.find('rings.make').verdict).toBe('ok')
    expect(found.find('policy.sysctl')).toMatchObject(
      finding('info', /^1, group \d+$/, /this process is in kernel\.io_uring_group/, null),
    )
  })

  it('nor to who has CAP_SYS_ADMIN', async () => {
    writeFileSync(disabled, '1')
    const found = await examine([folder.path])
    expect(found.find('rings.make').verdict).toBe('ok')
    expect(found.find('policy.sysctl')).toMatchObject(finding('info', /^1$/, /this process has CAP_SYS_ADMIN/, null))
  })
})

it.runIf(process.getuid?.() === 0 && spawnSync('unshare', ['-m', 'true']).status === 0)(
  'without /proc it is unknown what it says of the sysctl and of filters, and not that they are not there',
  async () => {
    const found = await examine([folder.path], {
      under: ['unshare', '-m', 'sh', '-c', 'umount -l /proc; exec "$@"', 'sh'],
    })
    for (const id of ['policy.sysctl', 'policy.seccomp']) expect(found.find(id).verdict).toBe('unknown')
    expect(found.verdict).not.toBe('broken')
  },
)

const canUnmount =
  process.getuid?.() === 0 &&
  /\bsecurityfs$/m.test(readFileSync('/proc/filesystems', 'latin1')) &&
  spawnSync('unshare', ['-m', 'true']).status === 0

describe.runIf(canUnmount)('security modules', () => {
  const securityFs = '/sys/kernel/security'
  const without = `while umount -l ${securityFs} 2> /dev/null; do :; done`
  const inNamespace = (script: string): string[] => ['unshare', '-m', 'sh', '-c', `${script}\nexec "$@"`, 'sh']

  it('that cannot be read are unknown, and the command beside it makes them known', async () => {
    const unread = await examine([folder.path], { under: inNamespace(without) })
    const modules = unread.find('policy.modules')
    expect(modules).toMatchObject(
      finding('unknown', /^cannot be read/, /\/sys\/kernel\/security\/lsm.*none denies/, /^mount -t securityfs/),
    )
    expect(unread.verdict).not.toBe('broken')
    const read = await examine([folder.path], { under: inNamespace(`${without}\n${modules.fix ?? ''}`) })
    expect(read.find('policy.modules')).toMatchObject(finding('ok', /capability/, /none denies/, null))
  })
})
