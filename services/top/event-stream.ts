// Server-sent events, as text comes in (html.spec.whatwg.org, "Interpreting an event stream"): the fields that the live feed uses. Used by
// live-client.ts. Pure.

export interface ServerEvent {
  readonly name: string
  readonly data: string
}

/** Beyond this it is no event of ours. Twice what a frame may have. */
export const eventLengthMax: number = 1024 * 1024

export class EventStream {
  private rest = ''
  private name = ''
  private data: string[] = []

  /** What is whole now. @throws RangeError where something has no end */
  take(text: string): ServerEvent[] {
    const events: ServerEvent[] = []
    const lines = (this.rest + text).split(/\r?\n/)
    this.rest = lines.pop()!
    if (this.rest.length > eventLengthMax) throw new RangeError('an event without end')
    for (const line of lines) {
      if (line !== '') this.field(line)
      else {
        if (this.data.length > 0) events.push({ name: this.name || 'message', data: this.data.join('\n') })
        this.name = ''
        this.data = []
      }
    }
    return events
  }

  private field(line: string): void {
    const [, name, value] = /^([^:]*):? ?(.*)$/.exec(line) ?? []
    if (name === 'event') this.name = value!
    else if (name === 'data') this.data.push(value!)
    if (this.data.length > linesMax) throw new RangeError('an event without end')
  }
}
const linesMax = 1000
