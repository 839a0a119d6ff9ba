// What a kernel under test finds as its root: Node with its libraries, the built package with what it depends on, busybox, and an
// init that runs the smoke tests. Called by main.ts. One archive serves all kernels: no module is needed.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, readdirSync, realpathSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { CpioWriter } from './cpio.ts'

/** Where the package is in there. */
const packageHome = '/ringmaster'

/** Compiles the addon, which is there already. */
const neededToInstall = new Set(['node-gyp', 'node-addon-api'])

// The results go to the first serial port, all else to the second: the kernel's own messages among them.
const init = `#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mount -t tmpfs tmp /tmp
ip link set lo up
export PATH=/bin HOME=/tmp
cd /tmp
node ${packageHome}/dist/test/kernels/guest/smoke.js "$@" > /dev/ttyS0
echo "{\\"kind\\":\\"end\\",\\"status\\":$?}" > /dev/ttyS0
sync
poweroff -f
`

/** Writes the archive. `busybox` is a static one. */
export function writeGuestRoot(path: string, packageRoot: string, busybox: string): void {
  const archive = new CpioWriter(path)
  for (const directory of ['/proc', '/sys', '/tmp', '/dev']) archive.directory(directory)
  archive.device('/dev/console', 5, 1)
  archive.file('/init', Buffer.from(init), 0o755)
  archive.file('/bin/busybox', readFileSync(busybox), 0o755)
  archive.file('/bin/node', readFileSync(process.execPath), 0o755)
  const addon = join(packageRoot, 'native/build/Release/ringmaster.node')
  if (!existsSync(addon)) throw new Error(`there is no addon at ${addon}: npm run build:addon`)
  for (const library of new Set([...librariesOf(process.execPath), ...librariesOf(addon)]))
    archive.file(library, readFileSync(library), 0o755)
  archive.file(`${packageHome}/native/build/Release/ringmaster.node`, readFileSync(addon), 0o755)
  archive.file(`${packageHome}/package.json`, readFileSync(join(packageRoot, 'package.json')))
  const isCode = (name: string): boolean => /\.(js|json|mjs|cjs|node)$/.test(name)
  addFolder(archive, join(packageRoot, 'dist'), `${packageHome}/dist`, isCode)
  const modules = join(packageRoot, 'node_modules')
  for (const name of dependencies(packageRoot, modules))
    addFolder(archive, join(modules, name), `${packageHome}/node_modules/${name}`, isCode)
  archive.close()
}

/** Shared libraries by the names they are looked up by, and the loader. */
function librariesOf(program: string): string[] {
  const { stdout, status } = spawnSync('ldd', [program], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`ldd does not know the libraries of ${program}`)
  return [...stdout.matchAll(/(?:=> )?(\/\S+) \(0x/g)].map(([, library]) => library!)
}

/** What the package needs while it runs, and what that needs. */
function dependencies(packageRoot: string, modules: string): Set<string> {
  const found = new Set<string>()
  const look = (folder: string): void => {
    const description = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
      dependencies?: Record<string, string>
      optionalDependencies?: Record<string, string>
    }
    for (const name of Object.keys({ ...description.dependencies, ...description.optionalDependencies })) {
      if (found.has(name) || neededToInstall.has(name) || !existsSync(join(modules, name, 'package.json'))) continue
      found.add(name)
      look(join(modules, name))
    }
  }
  look(packageRoot)
  return found
}

function addFolder(archive: CpioWriter, from: string, to: string, wanted: (name: string) => boolean): void {
  for (const name of readdirSync(realpathSync(from))) {
    const path = join(from, name)
    const stat = statSync(path)
    if (stat.isDirectory()) addFolder(archive, path, `${to}/${name}`, wanted)
    else if (wanted(name)) archive.file(`${to}/${name}`, readFileSync(path))
  }
}
