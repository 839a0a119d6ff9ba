// What a prebuilt binary is linked to instead of this machine's libc: a libc.so.6 without code that has just the symbols which the addon may
// use, at the versions that old glibc had them. So the binary asks for nothing younger, whatever it is compiled on, and a symbol that is
// not listed here has no version, which check-prebuilds.mjs refuses. musl knows no versions and answers to the name libc.so.6 itself (its ldso/dynlink.c,
// load_library()), so the same binary loads there. Called by build-prebuilds.mjs; check-prebuilds.mjs reads the versions.
import { spawnSync } from 'node:child_process'
import * as fs from 'node:fs'
import path from 'node:path'

const oldest = 'GLIBC_2.2.5'

/** First versions on x86-64, from glibc's sysdeps/unix/sysv/linux/x86_64/64/libc.abilist and, before 2.34, libpthread.abilist. */
const versionsX64 = {
  [oldest]: [
    ...['__cxa_finalize', '__errno_location', '__libc_current_sigrtmax', 'abort', 'close', 'free', 'malloc', 'memmove'],
    ...['memset', 'mmap', 'munmap', 'pthread_create', 'pthread_join', 'pthread_kill', 'pthread_mutex_lock'],
    ...['pthread_mutex_unlock', 'pthread_sigmask', 'read', 'sigaction', 'sigdelset', 'sigfillset', 'strlen', 'syscall'],
    ...['usleep', 'write'],
  ],
  // The condition variables of 2.2.5 are others.
  'GLIBC_2.3.2': ['pthread_cond_broadcast', 'pthread_cond_signal', 'pthread_cond_wait'],
  'GLIBC_2.7': ['eventfd'],
  'GLIBC_2.14': ['memcpy'],
  'GLIBC_2.17': ['clock_gettime'],
}

/** glibc 2.17 was the first one for arm64: all of it is that old. */
const versionsArm64 = { 'GLIBC_2.17': Object.values(versionsX64).flat() }

/** The versions of libc's symbols that a prebuilt binary may ask for, by architecture. */
export const libcVersions = { x64: versionsX64, arm64: versionsArm64 }

/** What Node looks up in an addon; everything else stays inside, above all operator new, which must not be Node's. */
export const exportedSymbols = ['napi_register_module_v1', 'node_api_module_get_api_version_v1']

/** Puts libc.so.6 and exports.map into `folder`. */
export function writeLinkerInputs(folder, arch, compiler) {
  const versions = libcVersions[arch]
  const symbols = Object.values(versions).flat()
  const source = path.join(folder, 'libc.c')
  const script = path.join(folder, 'libc.map')
  fs.writeFileSync(source, symbols.map((symbol) => `void ${symbol}(void) {}\n`).join(''))
  const nodes = Object.entries(versions).map(([version, names]) => `${version} { global: ${names.join('; ')}; };\n`)
  fs.writeFileSync(script, `${nodes.join('')}`)
  const options = ['-shared', '-nostdlib', '-fPIC', '-fno-builtin', '-fno-stack-protector', '-Wl,-soname,libc.so.6']
  const output = path.join(folder, 'libc.so.6')
  const made = spawnSync(compiler, [...options, `-Wl,--version-script=${script}`, '-x', 'c', source, '-o', output], {
    encoding: 'utf8',
  })
  if (made.status !== 0) throw new Error(`${compiler} cannot make ${output}: ${made.stderr ?? made.error?.message}`)
  fs.writeFileSync(path.join(folder, 'exports.map'), `{ global: ${exportedSymbols.join('; ')}; local: *; };\n`)
}
