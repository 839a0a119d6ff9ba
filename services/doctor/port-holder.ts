// Who listens on a port, found as ss(8) does: the socket's inode in /proc/net/tcp, then whoever has a descriptor of it. Used by checks/ports.ts.
import { readdirSync, readlinkSync } from 'node:fs'
import { readText } from '../machine/text.ts'

/** TCP_LISTEN, as /proc/net/tcp has it. */
const listening = '0A'
/** A machine may have many processes; those that may not be looked into cost little. */
const processesMax = 20_000

function inodesOf(port: number): Set<string> {
  const inodes = new Set<string>()
  const hex = port.toString(16).toUpperCase().padStart(4, '0')
  for (const table of ['tcp', 'tcp6']) {
    for (const line of readText('/', `proc/self/net/${table}`).split('\n')) {
      const words = line.trim().split(/\s+/)
      if (words[3] === listening && words[1]?.endsWith(`:${hex}`) === true && words[9] !== undefined)
        inodes.add(words[9])
    }
  }
  return inodes
}

function holdsOne(pid: string, sockets: ReadonlySet<string>): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => {
      try {
        return sockets.has(readlinkSync(`/proc/${pid}/fd/${fd}`))
      } catch {
        return false // closed meanwhile
      }
    })
  } catch {
    return false // somebody else's, or gone
  }
}

/** `nginx (process 123)`; null where it is a process that may not be looked into. */
export function holderOf(port: number): string | null {
  const sockets = new Set([...inodesOf(port)].map((inode) => `socket:[${inode}]`))
  if (sockets.size === 0) return null
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  const holder = pids.slice(0, processesMax).find((pid) => holdsOne(pid, sockets))
  return holder === undefined ? null : `${readText('/', `proc/${holder}/comm`)} (process ${holder})`
}
