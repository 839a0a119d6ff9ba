// Waiting without the event loop: where a process ends and nothing asynchronous happens any more. Used by whatever closes rings
// inside 'exit'.

const never = new Int32Array(new SharedArrayBuffer(4))

/** This thread sleeps; others, the kernel's and ours, go on. */
export function sleepSync(timeMs: number): void {
  Atomics.wait(never, 0, 0, timeMs)
}

/** Sleeps until `holds`, at most `limitMs`; says whether it did. */
export function untilSync(holds: () => boolean, limitMs: number): boolean {
  const endMs = performance.now() + limitMs
  for (;;) {
    if (holds()) return true
    if (performance.now() >= endMs) return false
    sleepSync(1)
  }
}
