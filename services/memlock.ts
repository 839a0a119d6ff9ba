// Why the kernel would not lock memory, in words that help. Used by arenas and by registered buffers.
import { readFileSync } from 'node:fs'

function memlockLimit(): string {
  const line = /^Max locked memory +(\S+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))
  return line?.[1] ?? 'unknown'
}

/** What an ENOMEM of a registration means, and what to do. */
export function memlockRefusal(sizeBytes: number): string {
  return (
    `the kernel would not lock ${sizeBytes} bytes for this user ("Max locked memory" is ${memlockLimit()} bytes, all processes ` +
    'of the user together): raise it with ulimit -l or LimitMEMLOCK=, give the process CAP_IPC_LOCK'
  )
}
