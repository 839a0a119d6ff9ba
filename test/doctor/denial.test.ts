// Why io_uring is denied, from what was read and tried: each cause alone, causes that look alike told apart, and what cannot be told said to be so.
import { describe, expect, it } from 'vitest'
import { filterRefuses, traceDenial, traceSqThreadDenial } from '../../services/doctor/denial.ts'
import type { Evidence } from '../../services/doctor/denial.ts'
import type { Policy } from '../../services/doctor/policy.ts'
import type { CallFacts, MemoryFacts } from '../../services/doctor/trials/calls.ts'

const [EPERM, EBADF, ENOMEM, EACCES, EFAULT, ENFILE, EMFILE, ENOSYS] = [-1, -9, -12, -13, -14, -23, -24, -38]

/** A kernel of 6.18 without modules, of which everything is allowed. */
const open: Policy = {
  disabled: '0',
  group: -1,
  inGroup: false,
  isAdmin: false,
  mayLock: false,
  seccomp: 0,
  filters: 0,
  modules: ['lockdown', 'capability', 'landlock'],
  label: '',
  tracerPid: 0,
}
const answered: CallFacts = {
  calling: 'setup',
  bareSetup: EFAULT,
  setup: 5,
  sqThreadSetup: 5,
  enter: EBADF,
  register: EBADF,
  hasIoUring: true,
  asksModules: true,
  asksModulesOfSqThreads: true,
  memory: null,
  filteredSetup: null,
}
const nowhere = { container: null, isKubernetes: false, unit: null, evidence: [] }

const evidence = (policy: Partial<Policy>, calls: Partial<CallFacts>, surroundings = nowhere): Evidence => ({
  policy: { ...open, ...policy },
  calls: { facts: { ...answered, ...calls }, end: 'done', detail: '' },
  surroundings,
  kernelRelease: '6.18.0',
})

const selinux = ['capability', 'yama', 'selinux', 'bpf']
const setupDenied = { bareSetup: EPERM, setup: EPERM, sqThreadSetup: EPERM }
const allDenied = { ...setupDenied, enter: EPERM, register: EPERM }
const allMissing = { bareSetup: ENOSYS, setup: ENOSYS, sqThreadSetup: ENOSYS, enter: ENOSYS, register: ENOSYS }

describe('EPERM and EACCES', () => {
  it.each<[string, Partial<Policy>, Partial<CallFacts>, string, RegExp, RegExp | null]>([
    [
      'io_uring_disabled=2',
      { disabled: '2', isAdmin: true },
      setupDenied,
      'sysctl',
      /=2 denies.*everybody$/,
      /sysctl -w .*=0$/,
    ],
    ['io_uring_disabled=1', { disabled: '1' }, setupDenied, 'sysctl', /=1 denies.*CAP_SYS_ADMIN/, /io_uring_group=GID/],
    [
      'both the sysctl and a filter',
      { disabled: '2', seccomp: 2 },
      allDenied,
      'sysctl',
      /and a filter denies it as well/,
      /=0/,
    ],
    [
      'the sysctl is 1, but not for root: a filter',
      { disabled: '1', isAdmin: true, seccomp: 2 },
      allDenied,
      'seccomp',
      /enter is denied too/,
      /filter/,
    ],
    [
      'the sysctl is 1, but not for the group: a filter',
      { disabled: '1', inGroup: true, seccomp: 2 },
      allDenied,
      'seccomp',
      /./,
      /filter/,
    ],
    ['a filter, as engines have it', { seccomp: 2 }, allDenied, 'seccomp', /Seccomp: 2/, /filter of whoever started/],
    [
      'a filter over io_uring_enter alone',
      { seccomp: 2 },
      { enter: EPERM },
      'seccomp',
      /^io_uring_enter is denied/,
      /filter/,
    ],
    [
      'a filter over io_uring_register alone',
      { seccomp: 2 },
      { register: EPERM },
      'seccomp',
      /^io_uring_register is denied/,
      /filter/,
    ],
    [
      'a filter over io_uring_setup alone, where no module could',
      { seccomp: 2 },
      setupDenied,
      'seccomp',
      /no security module is active/,
      /filter/,
    ],
    [
      'and where the kernel asks none (before 6.15)',
      { seccomp: 2, modules: selinux },
      { ...setupDenied, asksModules: false },
      'seccomp',
      /asks no security module/,
      /filter/,
    ],
    [
      'a filter or a module: no guess',
      { seccomp: 2, modules: selinux },
      setupDenied,
      'unknown',
      /both could be it.*filter.*selinux, bpf/,
      /^to tell: run it once from another shell.*ausearch/,
    ],
    [
      'the same with modules that are not known',
      { seccomp: 2, modules: null },
      setupDenied,
      'unknown',
      /both could be it.*lsm cannot be read/,
      /^to tell: .*journalctl/,
    ],
    [
      'a filter or a module: a filter on top shows that it is the filter',
      { seccomp: 2, modules: selinux },
      { ...setupDenied, filteredSetup: EPERM },
      'seccomp',
      /a filter on top shows/,
      /filter of whoever started/,
    ],
    [
      'and that it is the module',
      { seccomp: 2, modules: selinux },
      { ...setupDenied, filteredSetup: ENOSYS },
      'security module',
      /active: selinux, bpf/,
      /audit2allow/,
    ],
    [
      'and that it is nobody who is known',
      { seccomp: 2 },
      { ...setupDenied, filteredSetup: ENOSYS },
      'unknown',
      /no security module is active.*nor is it one of the seccomp filters/,
      null,
    ],
    [
      'a filter or a tracer, both of which are asked first',
      { seccomp: 2, tracerPid: 77 },
      { ...allDenied, filteredSetup: EPERM },
      'unknown',
      /process 77.*or by the seccomp filter/,
      /^run it without process 77: /,
    ],
    [
      'a module',
      { modules: selinux, label: 'user_u:user_r' },
      { ...setupDenied, bareSetup: EACCES, setup: EACCES },
      'security module',
      /EACCES.*active: selinux, bpf, which knows this process as user_u/,
      /ausearch/,
    ],
    [
      'a module that denies the file of the ring',
      { modules: ['apparmor'], seccomp: 2 },
      { setup: EACCES },
      'security module',
      /ring's file is denied.*apparmor/,
      /apparmor_parser/,
    ],
    [
      'a module, which one cannot be read',
      { modules: null },
      setupDenied,
      'security module',
      /cannot be told.*lsm cannot be read/,
      /mount -t securityfs/,
    ],
    ['nothing that is known', {}, setupDenied, 'unknown', /something else answers before the kernel/, null],
    ['a tracer', { tracerPid: 77 }, allDenied, 'tracer', /process 77 traces this one/, /without process 77/],
    [
      'a group that cannot be seen',
      { disabled: '1', inGroup: null },
      setupDenied,
      'unknown',
      /whether this process is in/,
      null,
    ],
  ])('%s', (_, policy, calls, cause, why, fix) => {
    const found = traceDenial(evidence(policy, calls))
    expect(found).toMatchObject({ cause, why: expect.stringMatching(why) as string })
    if (fix === null) expect(found.fix).toBeNull()
    else expect(found.fix).toMatch(fix)
  })
})

describe('ENOSYS', () => {
  it.each<[string, Partial<Policy>, Partial<CallFacts>, string, RegExp]>([
    [
      'a filter that hides it: the sysctl is there',
      { seccomp: 2 },
      allMissing,
      'seccomp',
      /the kernel has io_uring \(the sysctl/,
    ],
    [
      'a filter that hides it: the symbols are there',
      { seccomp: 2, disabled: null },
      allMissing,
      'seccomp',
      /\(the symbols/,
    ],
    [
      'a filter over one of three',
      { seccomp: 2, disabled: null },
      { enter: ENOSYS },
      'seccomp',
      /not all of the three/,
    ],
    [
      'a kernel without, by its symbols',
      { seccomp: 2, disabled: null },
      { ...allMissing, hasIoUring: false },
      'kernel',
      /no such system call/,
    ],
    [
      'a kernel without, and nothing in front of it',
      { disabled: null },
      { ...allMissing, hasIoUring: null },
      'kernel',
      /no filter and no tracer/,
    ],
    [
      'either: no guess',
      { seccomp: 2, disabled: null },
      { ...allMissing, hasIoUring: null },
      'unknown',
      /or a filter hides it/,
    ],
    ['a tracer', { tracerPid: 9 }, allMissing, 'tracer', /process 9/],
    ['nobody in front of a kernel that has it', {}, allMissing, 'unknown', /something else answers/],
  ])('%s', (_, policy, calls, cause, why) => {
    expect(traceDenial(evidence(policy, calls))).toMatchObject({ cause, why: expect.stringMatching(why) as string })
  })
})

describe('ENOMEM', () => {
  const facts: MemoryFacts = {
    softBytes: 2 ** 20,
    hardBytes: 2 ** 20,
    mayLock: false,
    raisedSetup: null,
    cgroupRefusals: 0,
  }
  it.each<[string, Partial<MemoryFacts>, string, RegExp]>([
    [
      'works with the hard limit',
      { softBytes: 65_536, raisedSetup: 4 },
      'memlock',
      /with the hard limit, 1 MiB, the same ring can be made/,
    ],
    [
      'less may be locked than any ring takes',
      { softBytes: 4096, hardBytes: 4096 },
      'memlock',
      /less than the smallest ring/,
    ],
    ['with CAP_IPC_LOCK no limit holds', { softBytes: 0, mayLock: true }, 'unknown', /no memlock limit holds/],
    [
      'a memory cgroup has refused some',
      { mayLock: true, cgroupRefusals: 2 },
      'memory cgroup',
      /refused memory 2 times/,
    ],
    [
      'what others of the user have locked cannot be seen',
      {},
      'unknown',
      /how much of it others have locked cannot be seen/,
    ],
    ['nor does the hard limit help', { softBytes: 65_536, raisedSetup: ENOMEM }, 'unknown', /RLIMIT_MEMLOCK is 64 KiB/],
  ])('%s', (_, memory, cause, why) => {
    const calls = { bareSetup: EFAULT, setup: ENOMEM, memory: { ...facts, ...memory } }
    expect(traceDenial(evidence({}, calls))).toMatchObject({ cause, why: expect.stringMatching(why) as string })
  })
})

describe('an errno that the kernel gives for something else', () => {
  it.each<[string, Partial<Policy>, number, string]>([
    ['a filter', { seccomp: 2 }, ENOMEM, 'seccomp'],
    ['a tracer', { tracerPid: 7 }, EMFILE, 'tracer'],
    ['nobody who is known', {}, ENOMEM, 'unknown'],
  ])('is given before it has looked at what is asked: %s', (_, policy, errno, cause) => {
    const found = traceDenial(evidence(policy, { bareSetup: errno, setup: errno }))
    expect(found).toMatchObject({ cause, why: expect.stringMatching(/before the kernel has looked/) as string })
  })
})

describe('whether a filter refuses, whoever else does', () => {
  it.each<[string, Partial<Policy>, Partial<CallFacts>, boolean | null]>([
    ['there is none', {}, setupDenied, false],
    ['it denies all three', { seccomp: 2 }, allDenied, true],
    ['it hides them', { seccomp: 2 }, allMissing, true],
    ['no module could', { seccomp: 2 }, setupDenied, true],
    ['a module could, too', { seccomp: 2, modules: selinux }, setupDenied, null],
    ['it was tried', { seccomp: 2, modules: selinux }, { ...setupDenied, filteredSetup: EPERM }, true],
    [
      'it was tried, and is the module',
      { seccomp: 2, modules: selinux },
      { ...setupDenied, filteredSetup: ENOSYS },
      false,
    ],
    ['the sysctl denies as well', { seccomp: 2, disabled: '2' }, allDenied, true],
    ['the sysctl alone denies', { seccomp: 2, disabled: '2' }, { ...setupDenied, filteredSetup: ENOSYS }, false],
    ['a tracer could', { seccomp: 2, tracerPid: 7 }, allDenied, null],
    ['there is no io_uring', { seccomp: 2, disabled: null }, { ...allMissing, hasIoUring: false }, null],
    ['the kernel has no memory', { seccomp: 2 }, { setup: ENOMEM }, false],
    ['nothing is refused', { seccomp: 2 }, {}, false],
  ])('%s', (_, policy, calls, refuses) => {
    expect(filterRefuses(evidence(policy, calls))).toBe(refuses)
  })
})

it.each([
  [EMFILE, /in this process$/],
  [ENFILE, /on the whole machine$/],
])('errno %d: descriptors', (setup, why) => {
  expect(traceDenial(evidence({}, { setup }))).toMatchObject({
    cause: 'descriptors',
    why: expect.stringMatching(why) as string,
  })
})

describe('a process that does not come back from asking', () => {
  it.each([
    ['killed', 'SIGSYS', 'seccomp', /kills whoever calls io_uring_enter/],
    ['killed', 'SIGKILL', 'unknown', /SIGKILL/],
    ['late', 'no answer within 20 s', 'unknown', /no answer within/],
  ] as const)('%s by %s', (end, detail, cause, why) => {
    const killed: Evidence = { ...evidence({ seccomp: 2 }, {}), calls: { facts: { calling: 'enter' }, end, detail } }
    expect(traceDenial(killed)).toMatchObject({ cause, why: expect.stringMatching(why) as string })
  })
})

describe('what mends a filter depends on where the process runs', () => {
  it.each([
    [{ ...nowhere, container: 'docker' }, /^--security-opt seccomp=deploy\/container\/seccomp\/ringmaster\.json$/],
    [{ ...nowhere, container: 'containerd', isKubernetes: true }, /seccompProfile: \{type: Localhost/],
    [{ ...nowhere, unit: 'files.service' }, /^SystemCallFilter=.*files\.service$/],
  ])('%j', (surroundings, fix) => {
    expect(traceDenial({ ...evidence({ seccomp: 2 }, allDenied), surroundings }).fix).toMatch(fix)
  })
})

describe('an SQ thread is denied, and rings are not', () => {
  const denied = { sqThreadSetup: EPERM }
  const [before513, since513] = [0x3ff, 0x7ff]
  it.each<[string, Partial<Policy>, Partial<CallFacts>, number, string]>([
    ['before 5.13: a capability', {}, denied, before513, 'capability'],
    ['a module', { modules: selinux }, denied, since513, 'security module'],
    [
      'a module, with a filter that cannot see the flags',
      { modules: selinux, seccomp: 2 },
      denied,
      since513,
      'security module',
    ],
    ['a tracer', { tracerPid: 5 }, denied, since513, 'tracer'],
    ['a tracer, with a filter that cannot see the flags', { tracerPid: 5, seccomp: 2 }, denied, since513, 'tracer'],
    ['nobody who could', {}, denied, since513, 'unknown'],
    [
      'a kernel that asks nobody',
      { modules: selinux },
      { ...denied, asksModulesOfSqThreads: false },
      since513,
      'unknown',
    ],
    ['no thread could be started', {}, { sqThreadSetup: ENOMEM }, since513, 'unknown'],
  ])('%s', (_, policy, calls, features, cause) => {
    expect(traceSqThreadDenial(evidence(policy, calls), features)).toMatchObject({ cause })
  })
})
