// What the doctor says of a path, on file systems and devices that are made for it: ext4 on a loop device, tmpfs, overlay, one that does not answer,
// and a sync that lies. Each in a mount namespace of its own, which ends with the process.
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { checkFileSystem } from '../../services/doctor/checks/filesystem.ts'
import { kindOf, mountAbove, parseMounts } from '../../services/doctor/mounts.ts'
import { runTrial } from '../../services/doctor/trials/run-child.ts'
import type { StorageFacts } from '../../services/doctor/trials/storage.ts'
import { spawnCommand } from '../cli/command.ts'
import { compileC, hasCompiler } from '../native/support/c-program.ts'
import type { CProgram } from '../native/support/c-program.ts'
import { eventually, temporaryFolder } from '../services/harness.ts'
import { canBeSomebodyElse, examine, examineStorage, finding, somebodyElse } from './examination.ts'

const folder = temporaryFolder()
const point = join(folder.path, 'point')
const memory = join(folder.path, 'memory')
mkdirSync(point)
mkdirSync(memory)
afterAll(() => {
  folder.remove()
})

const own = (path: string): string[] => readdirSync(path).filter((name) => name.startsWith('.ringmaster-doctor-'))

/** Runs the rest of the arguments where `script` has mounted something. */
const mounted = (script: string): string[] => ['unshare', '-m', 'sh', '-e', '-c', `${script}\nexec "$@"`, 'sh']
const ext4 = `mount -t tmpfs tmpfs ${memory}
truncate -s 48M ${memory}/image
mkfs.ext4 -q ${memory}/image
mount -o loop ${memory}/image ${point}`

/** The same on a device whose queue is set so; as the number of the device is given to others afterwards, it is set back. */
function onLoop(settings: Readonly<Record<string, string>>, script = ''): string[] {
  const lines = Object.entries(settings).map(([name, value], index) => ({
    set: `before${index}=$(sed 's/.*\\[//; s/].*//' $queue/${name}); echo ${value} > $queue/${name}`,
    restore: `echo $before${index} > $queue/${name}`,
  }))
  const queue = `queue=$(readlink -f /sys/dev/block/$(stat -c %Hd:%Ld ${point})/queue)`
  const all = [ext4, queue, ...lines.map(({ set }) => set), script, 'code=0', '"$@" || code=$?']
  return [
    'unshare',
    '-m',
    'sh',
    '-e',
    '-c',
    [...all, ...lines.map(({ restore }) => restore), 'exit $code'].join('\n'),
    'sh',
  ]
}

const run = (command: readonly string[]): boolean => spawnSync(command[0]!, command.slice(1)).status === 0
const canMount = process.getuid?.() === 0 && run([...mounted(`mount -t tmpfs tmpfs ${memory}`), 'true'])
const canLoop = canMount && run([...mounted(ext4), 'true'])
const canOverlay = canMount && /\boverlay$/m.test(readFileSync('/proc/filesystems', 'latin1'))

/** In front of fdatasync(3): it does nothing, and takes SYNC_MICROSECONDS for it. */
const syncSource = `
#include <stdlib.h>
#include <unistd.h>
int fdatasync(int fd) {
  const char *pause = getenv("SYNC_MICROSECONDS");
  if (pause != NULL) usleep(atoi(pause));
  return fd < 0 ? -1 : 0;
}`

/** Whether reads of a file can be tried without waiting, as another program sees it. */
const nowaitSource = `
import errno, os, sys
fd = os.open(sys.argv[1], os.O_RDONLY)
try:
    os.preadv(fd, [bytearray(4096)], 0, os.RWF_NOWAIT)
    print(True)
except OSError as error:
    print(error.errno != errno.EOPNOTSUPP)
`

/** A FUSE file system whose process never answers, in a mount namespace of its own, until its stdin ends. */
const silentSource = `
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <unistd.h>
int main(int argc, char **argv) {
  char options[100], byte;
  int fd = open("/dev/fuse", O_RDWR);
  if (argc != 2 || fd < 0 || unshare(CLONE_NEWNS) != 0) return 1;
  if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) return 2;
  snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=0,group_id=0", fd);
  if (mount("silent", argv[1], "fuse", 0, options) != 0) return 3;
  puts("mounted");
  fflush(stdout);
  return read(0, &byte, 1) == 0 ? 0 : 4;
}`

describe.runIf(canLoop)('ext4 on a loop device', () => {
  it('is what it is, down to the file it is made of', async () => {
    const settings = { rotational: '0', scheduler: 'mq-deadline', nomerges: '2', write_cache: 'write back' }
    const found = await examine([point], { under: onLoop(settings) })
    expect(found.find('storage.type')).toMatchObject(finding('ok', /^ext4 \(\/dev\/loop\d+\) at .*\/point$/, /./, null))
    expect(found.find('storage.device')).toMatchObject(
      finding('info', /^loop\d+ on .*\/memory\/image$/, /loop device/, null),
    )
    expect(found.find('storage.nowait')).toMatchObject(finding('ok', /^works$/, /./, null))
    expect(found.find('storage.direct').verdict).toBe('ok')
    expect(found.find('storage.scheduler')).toMatchObject(
      finding('info', /^mq-deadline$/, /lock/, /^echo none > \/sys\/block\/loop\d+\/queue\/scheduler$/),
    )
    expect(found.find('storage.merges')).toMatchObject(finding('ok', /^2$/, /./, null))
    expect(found.find('storage.cache')).toMatchObject(
      finding('ok', /^write back$/, /loses its content with the power/, null),
    )
  })

  it('is read-only: it is tried with a file that is there, and what cannot be tried is not guessed', async () => {
    const found = await examineStorage(point, {
      under: mounted(`${ext4}\necho text > ${point}/data\nmount -o remount,ro ${point}`),
    })
    expect(found.find('storage.nowait')).toMatchObject(finding('ok', /^works \(.*\/point\/data\)$/, /./, null))
    expect(found.find('storage.sync')).toMatchObject(finding('unknown', /^not tried$/, /EROFS/, null))
  })
})

describe.runIf(canLoop && hasCompiler)('fdatasync', () => {
  let shim: CProgram
  beforeAll(() => {
    shim = compileC(syncSource, ['-shared', '-fPIC'])
  })
  afterAll(() => {
    shim.remove()
  })

  it('that answers faster than a disk can whose cache has to be emptied lies', async () => {
    const under = [...onLoop({ write_cache: 'write back' }), 'env', `LD_PRELOAD=${shim.file}`]
    const found = await examineStorage(point, { under })
    expect(found.find('storage.sync')).toMatchObject(
      finding('degraded', /^median \d+\.?\d* µs of 32$/, /answers without doing it/, /LD_PRELOAD/),
    )
  })

  it('that answers fast on a disk without a volatile cache may be true: it cannot be told', async () => {
    const under = [...onLoop({ write_cache: 'write through' }), 'env', `LD_PRELOAD=${shim.file}`]
    const found = await examineStorage(point, { under })
    expect(found.find('storage.cache')).toMatchObject(finding('ok', /^write through$/, /./, null))
    expect(found.find('storage.sync')).toMatchObject(finding('unknown', /^median/, /power-loss protection/, null))
  })

  it('is tried with a file that is removed, also when the doctor is killed meanwhile', async () => {
    const env = { LD_PRELOAD: shim.file, SYNC_MICROSECONDS: '300000' }
    const child = spawnCommand(['doctor', folder.path], env)
    expect(await eventually(() => own(folder.path).length === 1)).toBe(true)
    child.kill('SIGKILL')
    await once(child, 'exit')
    expect(await eventually(() => own(folder.path).length === 0)).toBe(true)
  })
})

describe.runIf(canMount)('tmpfs', () => {
  it('is memory, where nothing is durable; full as it is here, that is told', async () => {
    const script = `mount -t tmpfs -o size=4M tmpfs ${point}
head -c 4063232 /dev/zero > ${point}/filler
python3 -c '${nowaitSource}' ${point}/filler >&2`
    const found = await examineStorage(point, { under: mounted(script) })
    // Kernels may learn it; who else asks is told the same.
    const isSupported = found.stderr === 'True\n'
    if (!isSupported) expect(found.stderr).toBe('False\n')
    expect(found.find('storage.nowait')).toMatchObject(
      isSupported ? finding('ok', /^works$/, /./, null) : finding('info', /^EOPNOTSUPP$/, /kernel worker thread/, null),
    )
    expect(found.find('storage.type')).toMatchObject(finding('info', /^tmpfs/, /nothing is durable/, null))
    expect(found.find('storage.sync')).toMatchObject(finding('info', /^median/, /in memory/, null))
    expect(found.find('storage.space')).toMatchObject(finding('degraded', /of 4 MiB/, /ENOSPC/, null))
  })

  it.runIf(canOverlay)('below an overlay: that copies at the first write, and waits for each read', async () => {
    const [lower, upper, work] = ['lower', 'upper', 'work'].map((name) => join(memory, name))
    const script = `mount -t tmpfs tmpfs ${memory}
mkdir ${lower} ${upper} ${work}
mount -t overlay overlay -o lowerdir=${lower},upperdir=${upper},workdir=${work} ${point}`
    const found = await examineStorage(point, { under: mounted(script) })
    expect(found.find('storage.type')).toMatchObject(finding('degraded', /^overlay/, /copies all of it/, /volume/))
    expect(found.findings.map(({ id }) => id)).not.toContain('storage.device')
  })
})

describe.runIf(canMount && hasCompiler && existsSync('/dev/fuse'))('a file system that does not answer', () => {
  it('is told, and is not waited for', async ({ skip }) => {
    const program = compileC(silentSource)
    const server = spawn(program.file, [point], { stdio: ['pipe', 'pipe', 'inherit'] })
    try {
      const first = await Promise.race([once(server.stdout, 'data'), once(server, 'exit')])
      if (String(first[0]) !== 'mounted\n') return skip('this process may not mount FUSE')
      const path = `/proc/${server.pid}/root${point}`
      const storage = await runTrial<StorageFacts>('storage', path, 1_000)
      expect(storage).toMatchObject({ end: 'late', facts: { asking: 'path' } })
      const plan = { path, rings: 'auto', poller: 'auto', buffersBytes: 0, profile: null, addresses: [] } as const
      const [found] = await checkFileSystem({ plan, storage })
      expect(found).toMatchObject(finding('broken', /does not answer$/, /no answer within 1 s/, null))
    } finally {
      server.stdin.end()
      if (server.exitCode === null) await once(server, 'exit')
      program.remove()
    }
  })
})

describe('PATH', () => {
  it('is a file, of which not a byte is changed, nor what is beside it', async () => {
    const data = join(folder.path, 'data')
    writeFileSync(data, 'content')
    const state = (): unknown => ({
      hash: createHash('sha256').update(readFileSync(data)).digest('hex'),
      modified: statSync(data, { bigint: true }).mtimeNs,
      beside: readdirSync(folder.path).sort(),
    })
    const before = state()
    const found = await examineStorage(data)
    expect(found.find('storage.path')).toMatchObject(finding('ok', /\/data \(file\)$/, /./, null))
    expect(state()).toEqual(before)
  })

  it('does not exist', async () => {
    const found = await examineStorage(join(folder.path, 'nowhere'))
    expect(found.find('storage.path')).toMatchObject(finding('broken', /nowhere: ENOENT$/, /./, /another PATH/))
    expect(found.findings.filter(({ id }) => id.startsWith('storage.')).length).toBe(1)
  })
})

describe.runIf(canBeSomebodyElse)('for somebody else', () => {
  const under = somebodyElse

  it('a folder that may not be read is told so, and is not said to be silent', async () => {
    const secret = join(folder.path, 'secret')
    mkdirSync(secret, { mode: 0o700 })
    chmodSync(folder.path, 0o755)
    expect((await examineStorage(secret, { under })).find('storage.path')).toMatchObject(
      finding('broken', /secret: EACCES$/, /user \d+ may not read it/, /chmod a\+rX/),
    )
    chmodSync(secret, 0o755)
    const found = await examineStorage(secret, { under })
    expect(found.find('storage.path').verdict).toBe('ok')
    expect(found.find('storage.sync')).toMatchObject(finding('unknown', /^not tried$/, /EACCES/, null))
  })
})

it('a pipe is not read from, and is not taken for the file system it lies on', async () => {
  const pipe = join(folder.path, 'pipe')
  spawnSync('mkfifo', [pipe])
  const found = await examineStorage(pipe)
  expect(found.findings).toMatchObject([finding('broken', /\/pipe \(other\)$/, /cannot be served/, /name a folder/)])
})

describe('mounts', () => {
  const mounts = parseMounts(
    [
      '21 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw',
      '40 21 0:50 / /srv rw - nfs4 server:/export rw,hard',
      '41 40 0:51 / /srv/a\\040b rw - fuse.sshfs host:/ rw',
      '42 40 0:52 / /srv/a\\040b rw - tmpfs tmpfs rw,size=1k',
    ].join('\n'),
  )

  it.each([
    ['/etc/passwd', 'ext4', 'local'],
    ['/srv', 'nfs4', 'network'],
    ['/srvice', 'ext4', 'local'],
    ['/srv/a', 'nfs4', 'network'],
    // Mounted over the other one.
    ['/srv/a b/c', 'tmpfs', 'memory'],
  ])('%s is on %s', (path, type, kind) => {
    const mount = mountAbove(mounts, path)!
    expect(mount.type).toBe(type)
    expect(kindOf(mount)).toBe(kind)
  })

  it.each([
    ['fuse.sshfs', 'fuse'],
    ['virtiofs', 'network'],
    ['overlay', 'overlay'],
    ['proc', 'kernel'],
    ['xfs', 'local'],
  ])('%s is of the kind %s', (type, kind) => {
    expect(kindOf({ type })).toBe(kind)
  })
})
