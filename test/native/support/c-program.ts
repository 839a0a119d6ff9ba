// Compiles a few lines of C for tests that need what Node cannot do or must not be trusted with: struct layouts, seccomp filters.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

/** Tests that need it run only where there is one. */
export const hasCompiler: boolean = spawnSync('cc', ['--version']).status === 0

export interface CProgram {
  readonly file: string
  remove(): void
}

/** @throws where it does not compile, with the compiler's words. */
export function compileC(source: string, options: readonly string[] = []): CProgram {
  const directory = mkdtempSync(path.join(tmpdir(), 'ringmaster-c-'))
  const file = path.join(directory, 'program')
  writeFileSync(`${file}.c`, source)
  // A preloaded sanitizer is not for the compiler.
  const env = { ...process.env, LD_PRELOAD: '' }
  const { status, stderr } = spawnSync('cc', ['-O1', '-Wall', '-Werror', '-o', file, `${file}.c`, ...options], {
    encoding: 'utf8',
    env,
  })
  const remove = (): void => {
    rmSync(directory, { recursive: true })
  }
  if (status !== 0) {
    remove()
    throw new Error(stderr)
  }
  return { file, remove }
}

/**
 * A program that puts a seccomp filter over the system calls from `first` to `last` and runs the rest of its arguments under it:
 * `filter errno 1 node …`, `filter kill-process node …`, `filter kill-thread node …`.
 */
export const seccompFilterOver = (first: number, last: number): string =>
  seccompFilter(`
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
    BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, ${first}, 0, 2),
    BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, ${last}, 1, 0),`)

/** The same over one system call, where its argument is `least` or more. */
export const seccompFilterOverArgument = (number: number, argument: number, least: number): string =>
  seccompFilter(`
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ${number}, 0, 3),
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[${argument}])),
    BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, ${least}, 0, 1),`)

/** @param conditions falls through to the action, or jumps over it */
const seccompFilter = (conditions: string): string => `
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

int main(int argc, char **argv) {
  unsigned action;
  char **rest = argv + 2;
  if (argc < 3) return 125;
  if (strcmp(argv[1], "errno") == 0) action = SECCOMP_RET_ERRNO | (unsigned)atoi(*rest++);
  else if (strcmp(argv[1], "kill-process") == 0) action = SECCOMP_RET_KILL_PROCESS;
  else action = SECCOMP_RET_KILL_THREAD;
  struct sock_filter code[] = {${conditions}
    BPF_STMT(BPF_RET | BPF_K, action),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {sizeof code / sizeof *code, code};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
    perror("seccomp");
    return 126;
  }
  execvp(*rest, rest);
  perror("exec");
  return 127;
}
`

/** Over io_uring_setup alone, which has this number on every architecture. */
export const seccompFilterSource: string = seccompFilterOver(425, 425)
