// The flag tables against the system's own headers: a C program prints what the compiler makes of the names.
import { execFileSync, spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { afterAll, expect, it } from 'vitest'
import { flags } from '../../../services/raw/index.ts'
import { temporaryFolder } from '../harness.ts'

const folder = temporaryFolder()
afterAll(() => folder.remove())

const compilerMissing = spawnSync('cc', ['--version']).status !== 0

const headers = ['fcntl.h', 'linux/openat2.h', 'sys/stat.h', 'sys/uio.h', 'linux/fs.h', 'linux/falloc.h', 'sys/mman.h']
  .concat(['sys/xattr.h', 'poll.h', 'sys/epoll.h', 'sys/socket.h', 'netinet/in.h', 'sys/wait.h', 'stdio.h'])
  .map((header) => `#include <${header}>`)

it.skipIf(compilerMissing)('say what the headers say, wherever those know the name', () => {
  const table = Object.assign({}, ...Object.values(flags)) as Record<string, number>
  const names = Object.keys(table)
  // Names of enums are known to no #ifdef; those of newer headers may be missing.
  const prints = names.map((name) => `#ifdef ${name}\n  printf("${name} %lld\\n", (long long) (${name}));\n#endif`)
  const source = `#define _GNU_SOURCE\n${headers.join('\n')}\nint main(void) {\n${prints.join('\n')}\n  return 0;\n}\n`
  writeFileSync(`${folder.path}/flags.c`, source)
  execFileSync('cc', ['-w', '-o', `${folder.path}/flags`, `${folder.path}/flags.c`])
  const printed = execFileSync(`${folder.path}/flags`, { encoding: 'latin1' }).trim().split('\n')
  const found = Object.fromEntries(printed.map((line) => [line.split(' ')[0]!, Number(line.split(' ')[1]) >>> 0]))
  const ours = Object.fromEntries(Object.keys(found).map((name) => [name, table[name]! >>> 0]))
  expect(ours).toEqual(found)
  expect(printed.length).toBeGreaterThan(100)
})
