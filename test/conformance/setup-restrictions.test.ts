// Row SETUP: rings that accept only what they were told to (register-restrictions): the kernel refuses the rest, and the library
// says who it was.
import * as fs from 'node:fs'
import { describe, expect, it } from 'vitest'
import { RegisterOp } from '../../native/abi.ts'
import { op, pollStream } from '../../services/raw/index.ts'
import { Ringmaster } from '../../services/ringmaster.ts'
import { errorCode } from '../services/raw/errors.ts'
import { callLoosely, failure, fieldOf, settledWithin } from '../services/harness.ts'
import { describeOnEveryRing, handleOf } from './every-ring.ts'

const messageOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'no error',
    (error: unknown) => String(error),
  )

describeOnEveryRing(
  'SETUP, operations',
  (stand) => {
    it('register-restrictions: what is named works, what is not is refused by the kernel, with EACCES', async () => {
      const { raw, path, own } = stand
      const name = path()
      const fd = own(fs.openSync(name, 'w+'))
      expect(await raw.submit(op.write({ fd, buffer: Buffer.from('allowed') }))).toBe(7)
      const buffer = Buffer.alloc(7)
      expect(await failure(raw.submit(op.read({ fd, buffer, position: 0 })))).toMatchObject({ code: 'EACCES' })
      expect(buffer).toEqual(Buffer.alloc(7))
      expect(await failure(raw.submit(op.unlinkat({ path: name })))).toMatchObject({ code: 'EACCES', path: name })
      expect(fs.readFileSync(name, 'utf8')).toBe('allowed')
    })

    it('register-restrictions: an error says that it was the ring who refused, wherever it comes from', async () => {
      const { raw, rings, path } = stand
      const name = path()
      fs.writeFileSync(name, 'file')
      const says = /^Error: EACCES: .*restrictions of this ring do not name this operation/
      expect(await messageOf(raw.submit(op.openat({ path: name })))).toMatch(says)
      expect(await messageOf(rings.open(name))).toMatch(says)
      const [step] = await raw
        .chain()
        .link(op.openat({ path: name }))
        .submit()
      expect(step.status).toBe('failed')
      expect(String(fieldOf(step, 'error'))).toMatch(says)
      expect(await messageOf(rings.readFile(name))).toMatch(says)
      expect(await messageOf(raw.stream(pollStream({ fd: 0, events: ['POLLIN'] })).next())).toMatch(says)
    })

    it('register-restrictions: what must always work does: no-ops, cancelling, closing', async () => {
      const { raw, rings } = stand
      await rings.nop()
      const abort = new AbortController()
      const timeout = raw.submit(op.timeout({ timeMs: 60_000 }), { signal: abort.signal })
      abort.abort()
      expect(await failure(timeout)).toMatchObject({ name: 'AbortError' })
      const another = op.timeout({ timeMs: 60_000 })
      const waiting = raw.submit(another)
      await raw.submit(op.nop())
      expect(await raw.registrations.syncCancel({ operation: another })).toBe(0)
      expect(await failure(waiting)).toMatchObject({ code: 'ECANCELED' })
    })

    it('register-restrictions: restrictions cannot be taken off, nor others put on', () => {
      expect(errorCode(() => stand.raw.register(RegisterOp.REGISTER_RESTRICTIONS, Buffer.alloc(16), 1))).toBe('EBADFD')
      expect(errorCode(() => stand.raw.register(RegisterOp.REGISTER_ENABLE_RINGS, null, 0))).toBe('EBADFD')
    })
  },
  { restrictions: { operations: ['write', 'timeout'] } },
)

describeOnEveryRing(
  'SETUP, registrations',
  (stand) => {
    it('register-restrictions: registrations that are not named are refused, those that are work', async () => {
      const { raw } = stand
      raw.registrations.personality().unregister()
      expect(errorCode(() => raw.registrations.probe())).toBe('EACCES')
      expect(errorCode(() => raw.registrations.filesUpdate({ index: 0, descriptors: [-1] }))).toBe('EACCES')
      expect(errorCode(() => raw.provideBuffers({ count: 1, sizeBytes: 16 }))).toBe('EACCES')
      expect(await failure(raw.registrations.iowqMaxWorkers({}))).toMatchObject({ code: 'EACCES' })
      expect(await failure(raw.registrations.syncCancel({ fd: 0 }))).toMatchObject({ code: 'ENOENT' })
    })

    it('register-restrictions: an arena says why it is not registered', () => {
      expect(stand.rings.arena().reason).toMatch(
        /EACCES.*restrictions of the rings do not name register_buffers_update/,
      )
    })

    it('register-restrictions: operations are not restricted by it', async () => {
      const name = stand.path()
      await stand.rings.writeFile(name, 'as ever')
      expect(await stand.rings.readFile(name, 'utf8')).toBe('as ever')
    })
  },
  { restrictions: { registrations: ['register_personality', 'unregister_personality'] } },
)

describeOnEveryRing(
  'SETUP, flags',
  (stand) => {
    it('register-restrictions: flags that are not named are refused, and said to be what it may have been', async () => {
      const { raw } = stand
      expect(await raw.submit(op.nop(), { drain: true })).toBe(0)
      expect(await raw.submit(op.nop())).toBe(0)
      expect(await messageOf(raw.submit(op.nop(), { async: true }))).toMatch(/EACCES.*may have refused its flags/)
      expect(await settledWithin(stand.rings.nop())).toBe('resolved')
    })
  },
  { restrictions: { sqeFlags: ['IO_DRAIN'] } },
)

describe('the option restrictions', () => {
  const start = (restrictions: unknown): Promise<unknown> => callLoosely(Ringmaster, 'start', { restrictions })

  it('is checked before anything is started', async () => {
    expect(await failure(start('read'))).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' })
    expect(await failure(start({ operations: 'read' }))).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' })
    expect(await failure(start({ operations: ['reed'] }))).toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' })
    expect(await failure(start({ sqeFlags: ['IOSQE_ASYNC'] }))).toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' })
    expect(await failure(start({ opcodes: [] }))).toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' })
  })

  it('must restrict something', async () => {
    expect(await failure(start([]))).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' })
    for (const nothing of [{}, { operations: undefined }]) {
      expect(await failure(start(nothing))).toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' })
      expect(await messageOf(start(nothing))).toMatch(/at least one of operations, registrations, sqeFlags/)
    }
  })

  it('leaves alone what it does not name', async () => {
    await using rings = await Ringmaster.start({ rings: 1, restrictions: { operations: ['read'] } })
    expect(await rings.raw().submit(op.nop(), { async: true })).toBe(0)
    expect(rings.raw().registrations.probe().lastOpcode).toBeGreaterThan(0)
    expect(handleOf(rings.raw()).geometry.setupFlags & 0x40).toBe(0x40)
  })
})
