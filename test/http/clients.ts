// Clients for tests of HTTP: one that sends any bytes, and one that reads when the test says so. And bytes to send.
import { createHash } from 'node:crypto'
import { get, type IncomingMessage, type RequestOptions } from 'node:http'
import { connect } from 'node:net'
import { buffer } from 'node:stream/consumers'

/** Everything the server sends on one connection, until it closes it, for bytes no HTTP client would send. */
export function exchange(port: number, request: string | Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    const chunks: Buffer[] = []
    socket.on('data', (chunk) => chunks.push(chunk))
    socket.on('error', reject)
    socket.on('close', () => {
      resolve(Buffer.concat(chunks).toString('latin1'))
    })
    socket.write(request)
  })
}

/** The answer to one GET with its target as it stands: no client library gets to tidy it up. */
export async function rawGet(port: number, target: string | Buffer, headers = ''): Promise<string> {
  const head = Buffer.concat([
    Buffer.from('GET '),
    Buffer.from(target),
    Buffer.from(` HTTP/1.1\r\nHost: test\r\nConnection: close\r\n${headers}\r\n`),
  ])
  return exchange(port, head)
}

export function statusOf(answer: string): number {
  return Number(/^HTTP\/1\.1 (\d{3}) /.exec(answer)?.[1])
}

/** The head of an answer whose body is not read until the caller does. */
export function getResponse(url: string, options: RequestOptions = {}): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    get(url, options, resolve).on('error', reject)
  })
}

/** Bytes until the body ends or breaks off. */
export async function readAll(response: IncomingMessage): Promise<Buffer> {
  return buffer(response)
}

export const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

/** Bytes in which every position can be told from its neighbours. */
export function patternBytes(length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length)
  for (let at = 0; at < length; at++) bytes[at] = (at * 31 + (at >>> 8) * 17 + (at >>> 16) * 7) & 0xff
  return bytes
}
