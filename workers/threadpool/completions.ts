// Completions of the `threadpool` poller, and those that the CQ has no room for. Used by its engine.
import type { RingConsumer } from '../../native/user-ring.ts'

const numbersEach = 4

export class Completions {
  private readonly consumer: RingConsumer
  private readonly overflow: number[] = []

  constructor(consumer: RingConsumer) {
    this.consumer = consumer
  }

  /** Once one has found no room, all wait behind it: their order is kept. */
  post(userDataLow: number, userDataHigh: number, result: number, cqeFlags: number): void {
    const { consumer, overflow } = this
    if (overflow.length === 0 && consumer.hasRoom()) {
      consumer.post(userDataLow, userDataHigh, result, cqeFlags)
      return
    }
    overflow.push(userDataLow, userDataHigh, result, cqeFlags)
    consumer.setOverflow(true)
  }

  /** Brings in what waits, as far as there is room; the client asks for it when it has made some. */
  flush(): void {
    const { consumer, overflow } = this
    if (overflow.length === 0) return
    let at = 0
    for (; at < overflow.length && consumer.hasRoom(); at += numbersEach) {
      consumer.post(overflow[at]!, overflow[at + 1]!, overflow[at + 2]!, overflow[at + 3]!)
    }
    overflow.splice(0, at)
    if (overflow.length === 0) consumer.setOverflow(false)
  }
}
