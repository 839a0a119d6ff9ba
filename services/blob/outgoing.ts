// What a connection sends, as its answers see it: whatever fails ends the connection. Made by connection.ts.
import type { Connection } from '../net/connection.ts'
import type { AnswerSink } from './answer.ts'

export class Outgoing implements AnswerSink {
  /** Changes whenever something is sent, or cannot be. */
  activity = 0
  private readonly connection: Connection
  private readonly owner: { close(): void }
  private offers = 0
  private seenOffers = 0

  constructor(connection: Connection, owner: { close(): void }) {
    this.connection = connection
    this.owner = owner
  }

  /** A number that changes while the client takes what is sent; 0 where nothing is under way. */
  progress(): number {
    return this.connection.progress()
  }

  send(views: readonly Uint8Array[], done: (error: Error | null) => void): void {
    this.connection.send(views, (error) => {
      this.activity++
      done(error)
      if (error !== null) this.owner.close()
    })
  }

  offer(views: readonly Uint8Array[], brief: boolean, done: (error: Error | null, takenBytes: number) => void): void {
    this.offers++
    this.connection.offer(views, brief, (error, takenBytes) => {
      this.activity++
      done(error, takenBytes)
      if (error !== null) this.owner.close()
    })
  }

  whenWritable(done: (error: Error | null) => void): void {
    this.connection.whenWritable((error) => {
      this.activity++
      done(error)
      if (error !== null) this.owner.close()
    })
  }

  /** Others wait for a buffer: one whose client has not taken it since the last time is asked for. */
  relieve(): void {
    if (this.offers === this.seenOffers) this.connection.recall()
    this.seenOffers = this.offers
  }

  abandon(): void {
    this.owner.close()
  }
}
