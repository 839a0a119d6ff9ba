// The ABI has two spellings, native/abi.ts and native/src/uring_abi.h: they say the same, and what the kernel and its header say.
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { release } from 'node:os'
import { describe, expect, test } from 'vitest'
import * as abi from '../../native/abi.ts'
import { binding } from '../../native/binding.ts'
import { compileC, hasCompiler } from './support/c-program.ts'
import { openTestRing } from './support/rings.ts'

type Numbers = Readonly<Record<string, number>>

const withPrefix = (prefix: string, names: Numbers): Numbers =>
  Object.fromEntries(Object.entries(names).map(([name, value]) => [prefix + name, value]))

/** A struct of abi.ts as the addon names it: `sizeof s`, `s.field`. */
const struct = (name: string, { sizeBytes, ...fields }: Numbers & { readonly sizeBytes: number }): Numbers => ({
  [`sizeof ${name}`]: sizeBytes,
  ...withPrefix(`${name}.`, fields),
})

const groups: readonly (readonly [name: string, prefix: string, ours: Numbers])[] = [
  ['opcodes', 'IORING_OP_', abi.Op],
  ['setup flags', 'IORING_SETUP_', abi.SetupFlag],
  ['features', 'IORING_FEAT_', abi.Feature],
  ['flags of enter', 'IORING_ENTER_', abi.EnterFlag],
  ['flags of the SQ', 'IORING_SQ_', abi.SqFlag],
  ['flags of a CQE', 'IORING_CQE_F_', abi.CqeFlag],
  ['flags of an SQE', 'IOSQE_', abi.SqeFlag],
  ['flags of cancellation', 'IORING_ASYNC_CANCEL_', abi.CancelFlag],
  ['opcodes of register', 'IORING_', abi.RegisterOp],
  ['flags of openat2', 'RESOLVE_', abi.Resolve],
  ['flags of openat and statx', 'AT_', abi.At],
]

const structs: readonly (readonly [name: string, ours: Numbers & { readonly sizeBytes: number }])[] = [
  ['io_uring_sqe', abi.Sqe],
  ['io_uring_cqe', abi.Cqe],
  ['io_uring_params', abi.Params],
  ['io_sqring_offsets', abi.SqOffsets],
  ['io_cqring_offsets', abi.CqOffsets],
  ['io_uring_rsrc_register', abi.RsrcRegister],
  ['io_uring_rsrc_update2', abi.RsrcUpdate2],
  ['io_uring_clone_buffers', abi.CloneBuffers],
  ['io_uring_probe', abi.Probe],
  ['io_uring_probe_op', abi.ProbeOp],
  ['open_how', abi.OpenHow],
  ['statx', abi.Statx],
]

const others: Numbers = {
  IORING_CQ_EVENTFD_DISABLED: abi.cqEventfdDisabled,
  IORING_FSYNC_DATASYNC: abi.fsyncDatasync,
  IORING_RSRC_REGISTER_SPARSE: abi.rsrcRegisterSparse,
  IORING_REGISTER_DST_REPLACE: abi.cloneReplace,
  IORING_OFF_SQ_RING: abi.MapOffset.sqRing,
  IORING_OFF_SQES: abi.MapOffset.sqes,
  IO_URING_OP_SUPPORTED: abi.opSupported,
}

/** Everything abi.ts says, by the kernel's names. */
const ours: Numbers = Object.assign(
  {},
  ...groups.map(([, prefix, names]) => withPrefix(prefix, names)),
  ...structs.map(([name, fields]) => struct(name, fields)),
  others,
) as Numbers

/** Everything the addon says of the kernel: its control block is layout.test.ts's. */
const theirs: Numbers = Object.fromEntries(
  Object.entries(binding().table()).filter(([name]) => !name.includes('RingControl') && !name.startsWith('STATX_')),
)

describe('TypeScript and the addon', () => {
  test.each(groups)('say the same %s, neither more nor fewer', (_, prefix, names) => {
    const longer = groups.map(([, other]) => other).filter((other) => other !== prefix && other.startsWith(prefix))
    const belongs = (name: string): boolean =>
      name.startsWith(prefix) && !(name in others) && !longer.some((other) => name.startsWith(other))
    const compiled = Object.fromEntries(Object.entries(theirs).filter(([name]) => belongs(name)))
    expect(withPrefix(prefix, names)).toEqual(compiled)
  })

  test.each(structs)('lay out struct %s alike, field by field', (name, fields) => {
    const compiled = Object.fromEntries(
      Object.entries(theirs).filter(([key]) => key === `sizeof ${name}` || key.startsWith(`${name}.`)),
    )
    expect(struct(name, fields)).toEqual(compiled)
  })

  test('have no name between them that only one of them knows', () => {
    expect(Object.keys(ours).sort()).toEqual(Object.keys(theirs).sort())
    expect(ours).toEqual(theirs)
  })

  test('ask statx for what fs.Stats needs', () => {
    const { STATX_BASIC_STATS, STATX_BTIME } = binding().table()
    expect(abi.statxMask).toBe(STATX_BASIC_STATS! | STATX_BTIME!)
  })

  test('give opcodes without a gap, in the kernel’s order', () => {
    expect(Object.values(abi.Op)).toEqual(Object.keys(abi.Op).map((_, index) => index))
  })
})

describe('the running kernel', () => {
  const probe = (): { lastOp: number; supported: number[] } => {
    const ring = openTestRing()
    const rows = 256
    const answer = new DataView(new ArrayBuffer(abi.Probe.sizeBytes + rows * abi.ProbeOp.sizeBytes))
    const status = binding().register(ring.geometry.ringFd, abi.RegisterOp.REGISTER_PROBE, answer, rows)
    ring.close()
    expect(status).toBe(0)
    const lastOp = answer.getUint8(abi.Probe.last_op)
    const supported = Array.from({ length: answer.getUint8(abi.Probe.ops_len) }, (_, op) => op).filter((op) => {
      const row = abi.Probe.sizeBytes + op * abi.ProbeOp.sizeBytes
      expect(answer.getUint8(row + abi.ProbeOp.op)).toBe(op)
      return (answer.getUint16(row + abi.ProbeOp.flags, true) & abi.opSupported) !== 0
    })
    return { lastOp, supported }
  }
  const opcodes = Object.values(abi.Op) as number[]
  const known = Math.max(...opcodes)

  test('supports no opcode of our range that has no name here', () => {
    const { supported } = probe()
    expect(supported.filter((op) => op <= known && !opcodes.includes(op))).toEqual([])
  })

  test.runIf(release().startsWith('6.18.'))('ends its list of opcodes where ours ends (Linux 6.18)', () => {
    expect(probe().lastOp).toBe(known)
  })

  test('knows every feature bit of this list that it reports, and every setup flag it echoes', () => {
    const ring = openTestRing()
    const { features, setupFlags } = ring.geometry
    ring.close()
    const union = (names: Numbers): number => Object.values(names).reduce((all, bit) => all | bit, 0)
    expect(features & union(abi.Feature)).toBe(features)
    expect(setupFlags & union(abi.SetupFlag)).toBe(setupFlags)
  })
})

// The distribution's header is older than these definitions: each name it has is compared, and it has most.
const header = '/usr/include/linux/io_uring.h'
describe.runIf(hasCompiler && existsSync(header))('the system’s own headers', () => {
  const text = existsSync(header) ? readFileSync(header, 'utf8') : ''
  /** Fields that are members of unions there and have one name here. */
  const renamed: Readonly<Record<string, string>> = {
    'io_uring_sqe.op_flags': 'rw_flags',
    'io_uring_sqe.file_index': 'splice_fd_in',
  }

  const measured = (expressions: Readonly<Record<string, string>>): Numbers => {
    const lines = Object.entries(expressions).map(
      ([name, expression]) => `printf("%s\\t%lld\\n", "${name}", (long long)(${expression}));`,
    )
    const program = compileC(`
      #define _GNU_SOURCE
      #include <fcntl.h>
      #include <linux/io_uring.h>
      #include <linux/openat2.h>
      #include <stddef.h>
      #include <stdio.h>
      #include <sys/stat.h>
      int main(void) {
        ${lines.join('\n')}
        return 0;
      }`)
    try {
      const printed = execFileSync(program.file, { encoding: 'utf8', env: { ...process.env, LD_PRELOAD: '' } })
      const rows = printed
        .trimEnd()
        .split('\n')
        .map((line) => line.split('\t'))
      return Object.fromEntries(rows.map(([name, value]) => [name!, Number(value)]))
    } finally {
      program.remove()
    }
  }

  test('agree on every constant they have', () => {
    const inHeader = (name: string): boolean => name.startsWith('IO') && new RegExp(`\\b${name}\\b`).test(text)
    const constants = Object.keys(ours).filter(
      (name) => inHeader(name) || name.startsWith('RESOLVE_') || name.startsWith('AT_'),
    )
    expect(constants.length).toBeGreaterThan(100)
    const values = measured(Object.fromEntries(constants.map((name) => [name, name])))
    const expected = Object.fromEntries(constants.map((name) => [name, ours[name]!]))
    // A 64-bit constant there is a 32-bit one here.
    expect(Object.fromEntries(Object.entries(values).map(([name, value]) => [name, value | 0]))).toEqual(
      Object.fromEntries(Object.entries(expected).map(([name, value]) => [name, value | 0])),
    )
  })

  test('agree on the size and the fields of every struct', () => {
    const expressions: Record<string, string> = {}
    const inHeader = (field: string): boolean =>
      field.startsWith('io_') && new RegExp(`\\b${field.split('.')[1]}\\b`).test(text)
    for (const name of Object.keys(ours)) {
      const [structName, field] = name.split('.')
      const struct = structName!.replace('sizeof ', '')
      if (struct.startsWith('io_') && !text.includes(`struct ${struct} {`)) continue
      if (name.startsWith('sizeof ')) expressions[name] = `sizeof(struct ${name.slice('sizeof '.length)})`
      else if (field !== undefined && (name in renamed || !name.startsWith('io_') || inHeader(name))) {
        expressions[name] = `offsetof(struct ${structName}, ${renamed[name] ?? field})`
      }
    }
    expect(Object.keys(expressions).length).toBeGreaterThan(70)
    const values = measured(expressions)
    expect(Object.fromEntries(Object.keys(values).map((name) => [name, ours[name]]))).toEqual(values)
  })
})
