// What llhttp's build takes for the end of a line and RFC 9112 does not. Used by request-parser.ts for every byte of a message that is not
// of its body: request line, headers, sizes and ends of chunks, trailers.
//
// This build is not the strict one: any byte after CR is a line's end to it, so are any two bytes behind the data of a chunk, and it goes on
// with folded lines. Whoever stands in front may see a request where it sees none: RFC 9112 sections 2.2, 5.2, 7.1 and 11.2.

const tab = 0x09
const lineFeed = 0x0a
const carriageReturn = 0x0d
const space = 0x20
/** Before the first byte of a message. */
const nothing = -1
/** Behind the data of a chunk, where a line must end. */
const data = -2

export class LineCheck {
  private previous = nothing

  begin(): void {
    this.previous = nothing
  }

  /** The next bytes are behind data of the body. */
  dataEnded(): void {
    this.previous = data
  }

  /** Whether `bytes[from…to]` are lines as they should be, so far. */
  takes(bytes: Uint8Array, from: number, to: number): boolean {
    let { previous } = this
    for (let at = from; at < to; at++) {
      const byte = bytes[at]!
      if (byte === lineFeed) {
        if (previous !== carriageReturn) return false
      } else if (previous === carriageReturn) return false
      else if (previous === data && byte !== carriageReturn) return false
      else if (previous === lineFeed && (byte === space || byte === tab)) return false
      previous = byte
    }
    this.previous = previous
    return true
  }
}
