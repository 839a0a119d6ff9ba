// The table of operations: nothing that the kernel has is missing, nothing is claimed that no test proves, and the command
// prints it.
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { Op } from '../../../native/abi.ts'
import { capabilities } from '../../../native/capabilities.ts'
import { countsBytes, operations } from '../../../native/operations/index.ts'
import { testedOperations } from '../../../native/operations/tested.ts'
import { features, op, operationTable, registrationTable, sendMessageSync } from '../../../services/raw/index.ts'
import { RegisteredBuffers } from '../../../services/raw/registered-buffers.ts'
import { runCommand } from '../../cli/command.ts'

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url))

describe('the table', () => {
  it('has a row for every opcode, by its name', () => {
    expect(operations).toHaveLength(63)
    const rows = Object.fromEntries(operations.map(({ name, opcode }) => [name.toUpperCase(), opcode]))
    expect(rows).toEqual(Op)
  })

  it('knows every operation that this kernel reports', async () => {
    const { opcodes } = await capabilities()
    const known = new Set(operations.map(({ opcode }) => opcode))
    expect(opcodes.filter((opcode) => !known.has(opcode))).toEqual([])
    expect(opcodes.length).toBeGreaterThan(0)
  })

  it('has a function for every operation, which makes that operation', async () => {
    const table = await operationTable()
    expect(table.filter(({ api }) => api === null)).toEqual([])
    expect(table.every(({ api }) => typeof Reflect.get(op, api!) === 'function')).toBe(true)
  })

  it('says what counts bytes', () => {
    const names = operations.filter(({ opcode }) => countsBytes[opcode] === 1).map(({ name }) => name)
    for (const name of ['readv', 'writev_fixed', 'send_zc', 'recvmsg', 'splice', 'tee']) expect(names).toContain(name)
    for (const name of ['nop', 'openat', 'accept', 'poll_add', 'msg_ring', 'uring_cmd'])
      expect(names).not.toContain(name)
  })
})

describe('the table of registrations', () => {
  it('names what offers each, where there is something', () => {
    const apis = Object.fromEntries(registrationTable().map(({ name, api }) => [name, api]))
    expect(apis).toMatchObject({
      register_buffers_update: 'buffers.update',
      register_clone_buffers: 'buffers.clone',
      register_send_msg_ring: 'sendMessageSync',
    })
    expect(RegisteredBuffers.prototype).toMatchObject({
      update: expect.any(Function) as unknown,
      clone: expect.any(Function) as unknown,
    })
    expect(sendMessageSync).toBeTypeOf('function')
  })
})

describe('what is claimed to be tested', () => {
  it.each(Object.entries(testedOperations))('%s: by a file that proves it', (family, names) => {
    const file = here(`operations-${family}.test.ts`)
    expect(existsSync(file)).toBe(true)
    // describeFamily() adds the test that fails unless what is claimed was earned.
    expect(readFileSync(file, 'utf8')).toContain(`describeFamily('${family}', `)
    const known = operations.map(({ name }) => name)
    expect(names.filter((name) => !known.includes(name))).toEqual([])
  })

  it('is by one family each, and no file proves without a claim', () => {
    const names = Object.values(testedOperations).flat()
    expect(names.length).toBe(new Set(names).size)
    const files = readdirSync(here('.')).flatMap((file) => /^operations-(\w+)\.test\.ts$/.exec(file)?.[1] ?? [])
    expect(files.sort()).toEqual(Object.keys(testedOperations).sort())
  })
})

describe('ringmaster operations', () => {
  it('prints the table', async () => {
    const { code, stdout, stderr } = await runCommand('operations')
    expect([code, stderr]).toEqual([0, ''])
    const lines = stdout.trimEnd().split('\n')
    expect(lines[0]).toMatch(/^OPCODE +NAME +SUPPORTED +API +SINCE +TESTED$/)
    expect(lines[1]).toMatch(/^ +0 +nop +yes +nop +5\.1 +yes$/)
    const end = lines.indexOf('')
    expect(end - 1).toBe((await operationTable()).length)
    expect(lines[end + 1]).toMatch(/^FEATURE +HERE +SINCE +WHAT IT IS$/)
    expect(lines.length - end - 2).toBe(Object.keys(await features()).length)
  })

  it('prints it as JSON', async () => {
    const { code, stdout } = await runCommand('operations', '--json')
    expect(code).toBe(0)
    const expected = (await operationTable()).map(({ opcode, name, supported, api, tested }) => {
      return { opcode, name, supported, api: api !== null, tested }
    })
    expect(JSON.parse(stdout)).toEqual(expected)
  })

  it('prints features and registrations alone, as text and as JSON', async () => {
    const found = await runCommand('operations', '--features', '--json')
    expect(JSON.parse(found.stdout)).toEqual(await features())
    const registrations = await runCommand('operations', '--registrations', '--json')
    expect(JSON.parse(registrations.stdout)).toEqual(registrationTable())
    const text = await runCommand('operations', '--registrations')
    expect(text.stdout).toMatch(/^ +4 +register_eventfd +yes +5\.2 +refused: a ring has one eventfd/m)
    expect((await runCommand('operations', '--registrations', '--features')).code).not.toBe(0)
  })
})
