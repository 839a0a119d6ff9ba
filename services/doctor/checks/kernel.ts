// The kernel's version, and what of io_uring it has: the operations that files are read and written with, each on its own, all others and the features
// that ringmaster/raw offers together.
import { Feature } from '../../../native/abi.ts'
import type { Context } from '../context.ts'
import type { Finding } from '../finding.ts'

/** The first kernel on which everything works that the library does by itself. */
const kernelMin = [5, 13] as const

/** What the library submits by itself; the others are for ringmaster/raw. Without `since` each kernel that is supported has them. */
const usedOperations: readonly (readonly [string, string])[] = [
  ['nop', 'measuring what a wake-up costs'],
  ['openat', 'open() and readFile()'],
  ['openat2', 'openBeneath(), and so each request of `ringmaster serve`'],
  ['statx', 'stat() and lstat()'],
  ['read', 'reads of files'],
  ['write', 'writes of files'],
  ['read_fixed', 'reads into arenas'],
  ['write_fixed', 'writes from arenas'],
  ['fsync', 'sync() and datasync()'],
  ['close', 'closing files'],
  ['async_cancel', 'AbortSignal and timeoutMs'],
]

/** Bits that rings are laid out for. */
const usedFeatures: readonly (readonly [keyof typeof Feature, string])[] = [
  ['NODROP', 'completions are kept when their queue is full'],
  ['RW_CUR_POS', "reads and writes at a file's own position"],
  ['NATIVE_WORKERS', 'kernel worker threads are threads of the process'],
  ['RSRC_TAGS', 'arenas: the kernel says when it has let go of memory'],
  ['LINKED_FILE', 'readFile() of a small file as one chain'],
]

function checkVersion({ capabilities }: Context): Finding {
  const { kernelRelease } = capabilities
  const [major = 0, minor = 0] = kernelRelease.split('.').map((part) => Number.parseInt(part, 10))
  const isNew = major > kernelMin[0] || (major === kernelMin[0] && minor >= kernelMin[1])
  return {
    id: 'kernel.version',
    title: 'kernel',
    need: `${kernelMin.join('.')} or later`,
    have: kernelRelease,
    verdict: isNew ? 'ok' : capabilities.rings.ok ? 'degraded' : 'broken',
    why: isNew
      ? 'what it has is asked of it, below'
      : 'older kernels are not tried; distributions may have taken over what is missing',
    fix: isNew ? null : `a kernel of ${kernelMin.join('.')} or later`,
  }
}

function checkUsed({ capabilities, operations }: Context): Finding[] {
  if (!capabilities.rings.ok) return []
  return usedOperations.map(([name, use]): Finding => {
    const row = operations.find((operation) => operation.name === name)
    const isThere = row?.supported === true
    return {
      id: `kernel.operation.${name}`,
      title: `operation ${name}`,
      need: `Linux ${row?.since ?? '5.13'}`,
      have: isThere ? 'supported' : 'missing',
      verdict: isThere ? 'ok' : 'broken',
      why: `it is needed for ${use}; asked by IORING_REGISTER_PROBE`,
      fix: isThere ? null : `a kernel of ${row?.since ?? '5.13'} or later`,
    }
  })
}

function checkBits({ capabilities }: Context): Finding[] {
  if (!capabilities.rings.ok) return []
  return usedFeatures.map(([name, use]): Finding => {
    const isThere = (capabilities.features & Feature[name]) !== 0
    return {
      id: `kernel.feature.${name.toLowerCase()}`,
      title: `feature ${name}`,
      need: 'reported',
      have: isThere ? 'reported' : 'missing',
      verdict: isThere ? 'ok' : 'degraded',
      why: use,
      fix: isThere ? null : `a kernel of ${kernelMin.join('.')} or later`,
    }
  })
}

/** The first few of a list. */
const some = (names: readonly string[]): string =>
  names.length <= 6 ? names.join(', ') : `${names.slice(0, 6).join(', ')} and ${names.length - 6} more`

function checkOthers({ capabilities, operations, features }: Context): Finding[] {
  if (!capabilities.rings.ok) return []
  const missing = operations.filter(({ supported }) => !supported).map(({ name }) => name)
  const lacking = Object.entries(features)
    .filter(([, { ok }]) => !ok)
    .map(([name]) => name)
  const count = Object.keys(features).length
  return [
    {
      id: 'kernel.operations',
      title: 'operations of ringmaster/raw',
      need: 'those you use',
      have: `${operations.length - missing.length} of ${operations.length}`,
      verdict: missing.length === 0 ? 'ok' : 'info',
      why: missing.length === 0 ? 'all are there' : `missing: ${some(missing)}; \`ringmaster operations\` lists them`,
      fix: null,
    },
    {
      id: 'kernel.features',
      title: 'features of ringmaster/raw',
      need: 'those you use',
      have: `${count - lacking.length} of ${count}`,
      verdict: lacking.length === 0 ? 'ok' : 'info',
      why:
        lacking.length === 0
          ? 'each was tried'
          : `missing: ${some(lacking)}; \`ringmaster operations --features\` says why`,
      fix: null,
    },
  ]
}

export function checkKernel(context: Context): Promise<Finding[]> {
  return Promise.resolve([checkVersion(context), ...checkUsed(context), ...checkBits(context), ...checkOthers(context)])
}
