// The two names of WebAssembly that native/shared-memory.ts uses. @types/node has none and the DOM's types do not belong here.
declare namespace WebAssembly {
  class Memory {
    constructor(descriptor: { initial: number; maximum: number; shared: true })
    readonly buffer: SharedArrayBuffer
  }
}
