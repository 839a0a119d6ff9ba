// llhttp, the HTTP/1.1 parser of Node's core, in the WebAssembly build that undici ships: one instance for each thread, in which every
// connection has a parser of some hundred bytes. Used by request-parser.ts, which knows what this build lets through.
import { createRequire } from 'node:module'

/** What is called while bytes are parsed. Spans are offsets in the bytes that were given to execute(). */
export interface LlhttpSink {
  targetPart(from: number, to: number): void
  fieldPart(from: number, to: number): void
  valuePart(from: number, to: number): void
  /** The headers are over. `skip`: the body, if there is one, is not parsed; `refuse`: nothing more is. */
  headOver(method: number, isUpgrade: boolean, keepAlive: boolean): 'parse' | 'skip' | 'refuse'
  bodyPart(from: number, to: number): void
}

/** How far execute() came. */
export const LlhttpState = { more: 0, messageOver: 1, failed: 2 } as const
export type LlhttpState = (typeof LlhttpState)[keyof typeof LlhttpState]

interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer }
  llhttp_alloc(type: number): number
  llhttp_free(parser: number): void
  llhttp_reset(parser: number): void
  llhttp_execute(parser: number, at: number, length: number): number
  llhttp_resume(parser: number): void
  llhttp_get_error_pos(parser: number): number
  llhttp_get_error_reason(parser: number): number
  llhttp_get_method(parser: number): number
  llhttp_get_http_major(parser: number): number
  llhttp_get_http_minor(parser: number): number
  llhttp_method_name(method: number): number
  malloc(sizeBytes: number): number
}

/** llhttp_type_t and llhttp_errno_t (llhttp.h). */
const REQUEST = 1
const HPE_OK = 0
const HPE_USER = 24
const HPE_PAUSED = 21
const HPE_PAUSED_UPGRADE = 22
const SKIP_BODY = 1

/** What is parsed at a time: it is copied into WebAssembly's memory. */
export const executeBytesMax = 65_536

let sink: LlhttpSink | null = null
let inputAt = 0
let llhttp: Exports | null = null
let memory: Buffer = Buffer.alloc(0)
const methods: string[] = []

const callbacks = {
  wasm_on_message_begin: () => HPE_OK,
  wasm_on_status: () => HPE_OK,
  wasm_on_url: (_parser: number, at: number, length: number) => {
    sink!.targetPart(at - inputAt, at - inputAt + length)
    return HPE_OK
  },
  wasm_on_header_field: (_parser: number, at: number, length: number) => {
    sink!.fieldPart(at - inputAt, at - inputAt + length)
    return HPE_OK
  },
  wasm_on_header_value: (_parser: number, at: number, length: number) => {
    sink!.valuePart(at - inputAt, at - inputAt + length)
    return HPE_OK
  },
  wasm_on_headers_complete: (parser: number, _status: number, isUpgrade: number, keepAlive: number) => {
    const next = sink!.headOver(llhttp!.llhttp_get_method(parser), isUpgrade !== 0, keepAlive !== 0)
    return next === 'parse' ? HPE_OK : next === 'skip' ? SKIP_BODY : HPE_USER
  },
  wasm_on_body: (_parser: number, at: number, length: number) => {
    sink!.bodyPart(at - inputAt, at - inputAt + length)
    return HPE_OK
  },
  // What follows is another message, which is nobody's business before this one was answered.
  wasm_on_message_complete: () => HPE_PAUSED,
}

function load(): Exports {
  const require = createRequire(import.meta.url)
  let module: WebAssembly.Module
  try {
    module = new WebAssembly.Module(require('undici/lib/llhttp/llhttp_simd-wasm.js') as Uint8Array)
  } catch {
    module = new WebAssembly.Module(require('undici/lib/llhttp/llhttp-wasm.js') as Uint8Array)
  }
  const loaded = new WebAssembly.Instance(module, { env: callbacks }).exports as Exports
  inputAt = loaded.malloc(executeBytesMax)
  llhttp = loaded
  return loaded
}

/** WebAssembly's memory, which is another buffer once it has grown. */
function bytesOf({ memory: { buffer } }: Exports): Buffer {
  if (memory.buffer !== buffer) memory = Buffer.from(buffer)
  return memory
}

/** A C string. */
function textAt(at: number): string {
  if (at === 0) return ''
  const bytes = bytesOf(llhttp!)
  return bytes.toString('latin1', at, bytes.indexOf(0, at))
}

/** As in a request line. `method` is headOver()'s: for others llhttp has no name, and traps. */
export function methodName(method: number): string {
  return (methods[method] ??= textAt(llhttp!.llhttp_method_name(method)))
}

/** One parser of requests. free() it: garbage collection does not. */
export class Llhttp {
  private readonly exports: Exports
  private readonly parser: number
  /** After execute(): how many of the bytes were taken. */
  taken = 0

  constructor() {
    this.exports = llhttp ?? load()
    this.parser = this.exports.llhttp_alloc(REQUEST)
    if (this.parser === 0) throw new Error('no memory for another HTTP parser')
  }

  /** Parses `bytes[from…to]`, executeBytesMax at most, up to the end of one message. The sink must not throw, nor call execute(). */
  execute(bytes: Buffer, from: number, to: number, told: LlhttpSink): LlhttpState {
    const { exports, parser } = this
    bytesOf(exports).set(bytes.subarray(from, to), inputAt)
    const savedAt = inputAt
    sink = told
    inputAt -= from // spans are then offsets in `bytes`
    const outcome = exports.llhttp_execute(parser, savedAt, to - from)
    inputAt = savedAt
    sink = null
    if (outcome === HPE_OK) {
      this.taken = to - from
      return LlhttpState.more
    }
    this.taken = exports.llhttp_get_error_pos(parser) - inputAt
    if (outcome !== HPE_PAUSED && outcome !== HPE_PAUSED_UPGRADE) return LlhttpState.failed
    // Not resumed: a message that asked for an upgrade, or to close, would leave a parser behind that takes nothing more.
    exports.llhttp_reset(parser)
    return LlhttpState.messageOver
  }

  /** Why execute() failed. */
  get failure(): string {
    return textAt(this.exports.llhttp_get_error_reason(this.parser))
  }

  /** Of the message whose headers are over: 11 is HTTP/1.1, 10 HTTP/1.0, 9 a request line that names none. */
  get version(): number {
    const { exports, parser } = this
    return exports.llhttp_get_http_major(parser) * 10 + exports.llhttp_get_http_minor(parser)
  }

  /** Ready for another connection. */
  reset(): void {
    this.exports.llhttp_reset(this.parser)
  }

  free(): void {
    this.exports.llhttp_free(this.parser)
  }
}
