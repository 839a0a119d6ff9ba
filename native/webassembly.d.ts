// The names of WebAssembly that native/shared-memory.ts and services/blob/llhttp.ts use. @types/node has none and the DOM's types do not
// belong here.
declare namespace WebAssembly {
  class Memory {
    constructor(descriptor: { initial: number; maximum: number; shared: true })
    readonly buffer: SharedArrayBuffer
  }

  class Module {
    constructor(bytes: Uint8Array)
  }

  class Instance {
    constructor(module: Module, imports: Record<string, Record<string, (...args: number[]) => number>>)
    readonly exports: object
  }
}
