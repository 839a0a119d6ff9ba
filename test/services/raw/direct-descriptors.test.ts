// The option rawDirectDescriptors: how many direct descriptors a ring has for raw operations, what says so when they are all taken,
// and that RLIMIT_NOFILE, which bounds the table, is reckoned with.
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import { op, acceptStream } from '../../../services/raw/index.ts'
import type { DirectDescriptor, Operation, RawRing } from '../../../services/raw/index.ts'
import { chooseRawDescriptors } from '../../../services/raw-descriptors.ts'
import { Ringmaster } from '../../../services/ringmaster.ts'
import { allPollers, descriptors, pollers, temporaryFolder, withoutAddon } from '../harness.ts'
import { errorCode } from './errors.ts'

const ringPollers = withoutAddon ? [] : pollers
const socketPollers = allPollers.filter(() => !withoutAddon)

const folder = temporaryFolder()
afterAll(folder.remove)
let sockets = 0

async function listenOn(raw: RawRing): Promise<{ fd: number; path: string }> {
  const path = join(folder.path, `socket${sockets++}`)
  const fd = await raw.submit(op.socket({ family: 'AF_UNIX', type: 'SOCK_STREAM' }))
  await raw.submit(op.bind({ fd, address: { path } }))
  await raw.submit(op.listen({ fd }))
  return { fd, path }
}

/** Sends back what comes on one connection until it ends. */
async function echo(raw: RawRing, fd: DirectDescriptor): Promise<void> {
  const buffer = Buffer.alloc(64)
  for (;;) {
    const length = await raw.submit(op.recv({ fd, buffer }))
    if (length === 0) break
    await raw.submit(op.send({ fd, buffer, length, flags: ['MSG_WAITALL'] }))
  }
  await raw.submit(op.close({ fd }))
}

async function received(socket: Socket, length: number): Promise<string> {
  let text = ''
  for await (const piece of socket) {
    text += String(piece)
    if (text.length >= length) break
  }
  return text
}

describe.each(ringPollers)('500 connections as direct descriptors, poller %s', (poller) => {
  let rings: Ringmaster
  beforeEach(async () => {
    rings = await Ringmaster.start({ rings: 1, poller, directDescriptors: 16, rawDirectDescriptors: 500 })
  })
  afterEach(() => rings.close())

  it('are all served at once, without a descriptor of the process for any of them', async () => {
    const raw = rings.raw()
    expect(raw.directDescriptors).toBe(500)
    const { fd, path } = await listenOn(raw)
    const before = descriptors().length
    const echoes: Promise<void>[] = []
    const slots = new Set<number>()
    const served = (async () => {
      for await (const connection of raw.stream(acceptStream({ fd, direct: 'allocate' }))) {
        slots.add(connection.direct)
        echoes.push(echo(raw, connection))
        if (echoes.length === 500) break
      }
    })()
    const clients = Array.from({ length: 500 }, () => connect(path))
    await Promise.all(clients.map((client) => once(client, 'connect')))
    await served
    expect([...slots].sort((a, b) => a - b)).toEqual(Array.from({ length: 500 }, (_, slot) => slot))
    expect(descriptors().length - before).toBe(500) // the clients' own
    const answers = clients.map((client, index) => {
      const text = `connection ${index} `
      client.write(text)
      return received(client, text.length)
    })
    expect(await Promise.all(answers)).toEqual(clients.map((_, index) => `connection ${index} `))
    for (const client of clients) client.destroy()
    await Promise.allSettled(echoes)
    expect(errorCode(() => raw.registrations.fileAllocRange({ index: 500, count: 1 }))).toBe('ERR_OUT_OF_RANGE')
    await raw.submit(op.close({ fd }))
  })
})

describe.each(socketPollers)('a table that is full, poller %s', (poller) => {
  let rings: Ringmaster
  beforeEach(async () => {
    rings = await Ringmaster.start({ rings: 1, poller, directDescriptors: 0, rawDirectDescriptors: 1 })
  })
  afterEach(() => rings.close())

  const saysWhatToDo = async (attempt: Promise<unknown>): Promise<void> => {
    const error = await attempt.then(
      () => null,
      (reason: unknown) => reason as Error,
    )
    expect(error).toMatchObject({ code: 'ENFILE', errno: -23 })
    for (const text of [error!.message, error!.stack]) expect(text).toMatch(/^Error: ENFILE|^ENFILE/)
    for (const text of [error!.message, error!.stack])
      expect(text).toMatch(/close some, or start with more \(option raw/)
  }

  it('is ENFILE with what to do about it, whatever opens', async () => {
    const raw = rings.raw()
    const { fd, path } = await listenOn(raw)
    await raw.submit(op.openat({ path: '/dev/null', direct: 0 }))
    const opening: Operation<unknown>[] = [
      op.openat({ path: '/dev/null', direct: 'allocate' }),
      op.openat2({ path: '/dev/null', direct: 'allocate' }),
      op.socket({ family: 'AF_UNIX', type: 'SOCK_STREAM', direct: 'allocate' }),
      ...(poller === 'threadpool' ? [] : [op.pipe({ direct: 'allocate' })]),
    ]
    for (const operation of opening) await saysWhatToDo(raw.submit(operation))
    const client = connect(path)
    client.on('error', () => undefined)
    await saysWhatToDo(raw.submit(op.accept({ fd, direct: 'allocate' })))
    client.destroy()
    if (poller === 'threadpool') return
    const second = connect(path)
    second.on('error', () => undefined)
    await saysWhatToDo(raw.stream(acceptStream({ fd, direct: 'allocate' })).next())
    second.destroy()
    const [outcome] = await raw
      .chain()
      .link(op.openat({ path: '/dev/null', direct: 'allocate' }))
      .submit()
    await saysWhatToDo(outcome.status === 'failed' ? Promise.reject(outcome.error) : Promise.resolve())
    await raw.submit(op.close({ fd }))
  })

  it('and an ENFILE that is not the table’s has no such advice', async () => {
    const raw = rings.raw()
    await raw.submit(op.openat({ path: '/dev/null', direct: 0 }))
    expect(await raw.submit(op.openat({ path: '/dev/null', direct: 0 }))).toEqual({ direct: 0 })
    expect(op.openat({ path: '/dev/null' }).advice(-23)).toBeUndefined()
    expect(op.openat({ path: '/dev/null', direct: 'allocate' }).advice(-2)).toBeUndefined()
  })
})

it.skipIf(withoutAddon)('a leased slot is of no use on another ring, whose table may be another', async () => {
  await using small = await Ringmaster.start({ rings: 1, poller: 'caller', rawDirectDescriptors: 8 })
  await using large = await Ringmaster.start({ rings: 1, poller: 'caller', rawDirectDescriptors: 80 })
  const slot = small.raw().directSlots.lease()
  expect(slot.direct).toBe(8)
  for (const operation of [
    op.openat({ path: '/dev/null', direct: slot }),
    op.close({ fd: slot }),
  ] as Operation<unknown>[]) {
    await expect(large.raw().submit(operation)).rejects.toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' })
    await small.raw().submit(operation)
  }
  // Nor is a place behind another ring's table: it would be readFile's there.
  const message = { ringFd: small.raw().ringFd, fd: { direct: 0 }, silent: true }
  expect(errorCode(() => op.msgRing({ ...message, into: 8 }))).toBe('ERR_OUT_OF_RANGE')
  expect(errorCode(() => op.msgRing({ ...message, into: 7 }))).toBe('no error')
})

describe('RLIMIT_NOFILE', () => {
  const choose = (
    rawDirectDescriptors: number | undefined,
    limit: number,
    poller: 'kernel' | 'threadpool' = 'kernel',
  ) => chooseRawDescriptors({ directDescriptors: 256, rawDirectDescriptors }, poller, limit)

  it('makes the default smaller where it is low', () => {
    expect(choose(undefined, Infinity)).toBe(1024)
    expect(choose(undefined, 1344)).toBe(1024)
    expect(choose(undefined, 1343)).toBe(1023)
    expect(choose(undefined, 100)).toBe(64)
  })

  it('refuses what was asked for with how much there can be', () => {
    expect(choose(4096, 5000)).toBe(4096)
    expect(errorCode(() => choose(4096, 4415))).toBe('ERR_INVALID_ARG_VALUE')
    expect(() => choose(4096, 4415)).toThrow(/Ask for at most 4095, or raise ulimit -n/)
    expect(choose(4095, 4415)).toBe(4095)
  })

  it('is no matter where descriptors are the process’s own', () => {
    expect(choose(4096, 100, 'threadpool')).toBe(4096)
    expect(choose(undefined, 100, 'threadpool')).toBe(1024)
  })

  const dist = fileURLToPath(new URL('../../../dist/services/index.js', import.meta.url))
  const program = `
    const { Ringmaster } = await import(${JSON.stringify(dist)})
    const { op } = await import(${JSON.stringify(dist.replace('index.js', 'raw/index.js'))})
    const rings = await Ringmaster.start({ rings: 1, poller: 'caller' })
    const raw = rings.raw()
    const last = await raw.submit(op.openat({ path: '/dev/null', direct: raw.directDescriptors - 1 }))
    console.log(JSON.stringify([raw.directDescriptors, last, await Ringmaster.start({ poller: 'caller', rawDirectDescriptors: 1024 }).catch(({ code }) => code)]))
    await rings.close()`

  it.skipIf(withoutAddon || !existsSync(dist))(
    'that is the kernel’s: a ring of a process with few has a smaller table',
    () => {
      const node = [process.execPath, '--input-type=module', '-e', program]
      const answer = execFileSync('prlimit', ['--nofile=800:800', ...node], { encoding: 'utf8' })
      expect(JSON.parse(answer)).toEqual([480, { direct: 479 }, 'ERR_INVALID_ARG_VALUE'])
    },
  )
})
