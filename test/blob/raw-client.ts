// A client of the blob service that sends any bytes on one connection and takes answers apart by their lengths, so that a test can say what
// was answered, in which order, and whether the connection goes on. Used by conformance.test.ts and its neighbours.
import { connect } from 'node:net'
import type { Socket } from 'node:net'

export interface RawAnswer {
  readonly status: number
  /** Names in lower case; of several only the last. */
  readonly headers: Readonly<Record<string, string>>
  readonly head: string
  readonly body: Buffer
}

const noBytes = Buffer.alloc(0)
const hasNoBody = (status: number): boolean => status < 200 || status === 204 || status === 304

export class RawClient {
  readonly socket: Socket
  readonly answers: RawAnswer[] = []
  ended = false
  private bytes: Buffer = noBytes
  private readonly headsOnly: boolean
  private wake: (() => void) | null = null

  /** `headsOnly`: answers are to HEAD. */
  constructor(port: number, headsOnly = false) {
    this.headsOnly = headsOnly
    this.socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true }).setNoDelay()
    this.socket.on('data', (part) => {
      this.bytes = Buffer.concat([this.bytes, part])
      this.takeAnswers()
      this.stir()
    })
    for (const event of ['end', 'error', 'close'])
      this.socket.on(event, () => {
        this.ended = true
        this.stir()
      })
  }

  /** What came and is no whole answer. */
  get unread(): Buffer {
    return this.bytes
  }

  send(bytes: string | Buffer): void {
    if (!this.socket.destroyed) this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes)
  }

  /** Resolves when so many answers are there, or no more come. */
  async hear(count: number): Promise<readonly RawAnswer[]> {
    while (this.answers.length < count && !this.ended) {
      await new Promise<void>((resolve) => {
        this.wake = resolve
      })
    }
    return this.answers
  }

  close(): void {
    this.socket.destroy()
  }

  private stir(): void {
    const { wake } = this
    this.wake = null
    wake?.()
  }

  private takeAnswers(): void {
    for (;;) {
      const headTo = this.bytes.indexOf('\r\n\r\n')
      if (headTo === -1) return
      const head = this.bytes.toString('latin1', 0, headTo + 4)
      const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(head)?.[1])
      const headers = Object.fromEntries(
        [...head.matchAll(/^([^:\r\n]+): ([^\r\n]*)\r$/gm)].map(([, name, value]) => [name!.toLowerCase(), value!]),
      )
      const length = this.headsOnly || hasNoBody(status) ? 0 : Number(headers['content-length'])
      if (!(this.bytes.length >= head.length + length)) return // NaN: what follows is no answer, and stays unread
      const body = this.bytes.subarray(head.length, head.length + length)
      this.bytes = this.bytes.subarray(head.length + length)
      this.answers.push({ status, headers, head, body })
    }
  }
}
