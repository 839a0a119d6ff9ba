// Descriptors with O_NONBLOCK: io_uring waits for them all the same, and so does the poller `threadpool`. Sockets of node:net are all so.
import { constants, openSync, writeSync } from 'node:fs'
import { execFileSync } from 'node:child_process'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { once } from 'node:events'
import { expect, it } from 'vitest'
import { op } from '../../services/raw/index.ts'
import { eventually, fieldOf } from '../services/harness.ts'
import { describeOnEveryRing } from './every-ring.ts'

describeOnEveryRing(
  'O_NONBLOCK',
  (stand) => {
    /** How a promise stands, to be looked at later. */
    const watched = (promise: Promise<unknown>): { readonly state: () => unknown } => {
      let state: unknown = 'pending'
      promise.then(
        (value) => (state = value),
        (error: unknown) => (state = fieldOf(error, 'code')),
      )
      return { state: () => state }
    }

    it('a read of an empty FIFO waits until somebody writes', async () => {
      const { raw, path, own } = stand
      const name = path()
      execFileSync('mkfifo', [name])
      const fd = own(openSync(name, constants.O_RDWR | constants.O_NONBLOCK))
      const buffer = Buffer.alloc(8)
      const read = watched(raw.submit(op.read({ fd, buffer })))
      await raw.submit(op.nop()) // behind the read: by now that has been tried
      expect(read.state()).toBe('pending')
      writeSync(fd, 'word')
      expect(await eventually(() => read.state() === 4)).toBe(true)
      expect(buffer.toString('latin1', 0, 4)).toBe('word')
    })

    it('a socket connects, and receives when something comes', async () => {
      const { raw, own } = stand
      const server = createServer((socket) => {
        socket.once('data', () => socket.end('answer'))
      }).listen(0, '127.0.0.1')
      await once(server, 'listening')
      const { port } = server.address() as AddressInfo
      const fd = own(await raw.submit(op.socket({ family: 'AF_INET', type: 'SOCK_STREAM', flags: ['SOCK_NONBLOCK'] })))
      await raw.submit(op.connect({ fd, address: { address: '127.0.0.1', port } }))
      const buffer = Buffer.alloc(16)
      const received = watched(raw.submit(op.recv({ fd, buffer })))
      await raw.submit(op.nop())
      expect(received.state()).toBe('pending')
      await raw.submit(op.send({ fd, buffer: Buffer.from('question') }))
      expect(await eventually(() => received.state() === 6)).toBe(true)
      expect(buffer.toString('latin1', 0, 6)).toBe('answer')
      server.close()
    })

    it('an accept waits for a connection, and one that is refused says so', async () => {
      const { raw, own } = stand
      const make = (): Promise<number> =>
        raw.submit(op.socket({ family: 'AF_INET', type: 'SOCK_STREAM', flags: ['SOCK_NONBLOCK'] }))
      const listener = own(await make())
      const bound = createServer().listen(0, '127.0.0.1')
      await once(bound, 'listening')
      const { port } = bound.address() as AddressInfo
      await new Promise((resolve) => bound.close(resolve))
      const address = { address: '127.0.0.1', port }
      const refused = own(await make())
      await expect(raw.submit(op.connect({ fd: refused, address }))).rejects.toMatchObject({ code: 'ECONNREFUSED' })
      await raw.submit(op.bind({ fd: listener, address }))
      await raw.submit(op.listen({ fd: listener, backlog: 4 }))
      const accepted = watched(raw.submit(op.accept({ fd: listener })))
      await raw.submit(op.nop())
      expect(accepted.state()).toBe('pending')
      const client = own(await make())
      await raw.submit(op.connect({ fd: client, address }))
      expect(await eventually(() => typeof accepted.state() === 'number')).toBe(true)
      own(accepted.state() as number)
    })
  },
  {},
  () => true,
)
