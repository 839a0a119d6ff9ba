// Part of the ringmaster driver: the socket workloads, `receive` and `send`. Used by ringmaster.ts.
import { closeSync } from 'node:fs'
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { op, recvStream } from '../../../services/raw/index.ts'
import type { RawRing } from '../../../services/raw/index.ts'
import { promiseLoop } from '../loops.ts'
import type { DriverInput, Work } from './driver.ts'

const sizeOf = (input: DriverInput): number => input.scenario.messageBytes ?? 1024

/** Two sockets that keep messages apart. */
async function messagePair(raw: RawRing): Promise<[sender: number, receiver: number]> {
  const kind = { family: 'AF_UNIX', type: 'SOCK_SEQPACKET' } as const
  const address = { path: `\0ringmaster-bench-${process.pid}` }
  const listener = await raw.submit(op.socket(kind))
  await raw.submit(op.bind({ fd: listener, address }))
  await raw.submit(op.listen({ fd: listener }))
  const sender = await raw.submit(op.socket(kind))
  const accepting = raw.submit(op.accept({ fd: listener }))
  await raw.submit(op.connect({ fd: sender, address }))
  const receiver = await accepting
  closeSync(listener)
  return [sender, receiver]
}

/** One operation of the loop: `depth` messages sent, and all of them received, one after the other. */
export async function receives(raw: RawRing, input: DriverInput): Promise<Work> {
  const { depth } = input.scenario
  const size = sizeOf(input)
  const [sender, receiver] = await messagePair(raw)
  const message = Buffer.alloc(size, 'm')
  const buffers = raw.provideBuffers({ count: 64, sizeBytes: size })
  const stream = raw.stream(recvStream({ fd: receiver, buffers }), { waitingMax: 128 })
  const into = Buffer.alloc(size)
  const receiveOne = async (): Promise<number> => {
    if (input.api !== 'multishot') return raw.submit(op.recv({ fd: receiver, buffer: into }))
    const { value } = await stream.next()
    const { length } = value!.bytes
    value!.release()
    return length
  }
  const round = async (): Promise<number> => {
    const sent = Array.from({ length: depth }, () => raw.submit(op.send({ fd: sender, buffer: message })))
    for (let count = 0; count < depth; count++) {
      const length = await receiveOne()
      if (length !== size) throw new Error(`a message of ${length} instead of ${size} bytes`)
    }
    await Promise.all(sent)
    return depth
  }
  return {
    loop: promiseLoop(1, round, (count) => count),
    close: async () => {
      await stream.return()
      buffers.close()
      closeSync(sender)
      closeSync(receiver)
    },
  }
}

// Reads and forgets, in a thread of its own.
const sink = `
  const { parentPort } = require('node:worker_threads')
  const server = require('node:net').createServer((socket) => { socket.on('error', () => {}); socket.resume() })
  server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port))`

export async function sends(raw: RawRing, input: DriverInput): Promise<Work> {
  const size = sizeOf(input)
  const worker = new Worker(sink, { eval: true })
  const [port] = (await once(worker, 'message')) as [number]
  const fd = await raw.submit(op.socket({ family: 'AF_INET', type: 'SOCK_STREAM' }))
  await raw.submit(op.connect({ fd, address: { address: '127.0.0.1', port } }))
  const lanes = Array.from({ length: input.scenario.depth }, () => Buffer.alloc(size, 's'))
  const sender = raw.sender(fd)
  const start = (lane: number): Promise<number> => {
    const buffer = lanes[lane]!
    if (input.api === 'sender') return sender.send(buffer)
    const flags = ['MSG_WAITALL'] as const
    if (input.api === 'zero-copy') return raw.submit(op.sendZc({ fd, buffer, flags })).then(({ bytes }) => bytes)
    return raw.submit(op.send({ fd, buffer, flags }))
  }
  const loop = promiseLoop(lanes.length, start, (bytes) => {
    if (bytes !== size) throw new Error(`a send of ${bytes} instead of ${size} bytes`)
    return 1
  })
  return {
    loop,
    close: async () => {
      closeSync(fd)
      await worker.terminate()
    },
  }
}
