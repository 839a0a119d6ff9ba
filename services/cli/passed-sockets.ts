// Sockets that a service manager has opened and passed (socket activation): which is for files and which for the admin server, and whether
// they are sockets that listen. Called by file-daemon.ts before anything listens.
import { closeSync, fstatSync, openSync, readSync, readlinkSync } from 'node:fs'
import { CommandError, exitCodes } from './exit.ts'
import { firstPassedFd } from './manager-environment.ts'

export interface PassedSocket {
  readonly fd: number
  /** Of a Unix socket: where it is, with '@' in the abstract space. Node does not say. */
  readonly path: string | undefined
}

export interface PassedSockets {
  /** For files, instead of --listen. */
  readonly http?: PassedSocket
  /** For metrics and probes, instead of --admin. */
  readonly admin?: PassedSocket
}

const roles = ['http', 'admin'] as const

/** Nobody has named it: systemd calls it by its socket unit, sd_listen_fds_with_names(3) `unknown`; '' without LISTEN_FDNAMES. */
const isUnnamed = (name: string): boolean => name === '' || name === 'unknown' || name.endsWith('.socket')

/**
 * By name (FileDescriptorName=http, admin), or in this order where none has a name. `names` begin at descriptor 3.
 * @throws CommandError for names that are not known, more than there is use for, one socket for both, and what is no socket that listens
 */
export function assignPassedSockets(names: readonly string[]): PassedSockets {
  if (names.length === 0) return {}
  const isNamed = names.some((name) => roles.some((role) => role === name))
  const wrong = (fd: number, what: string): CommandError =>
    new CommandError(
      `the service manager has passed ${names.length} sockets (${names.map((each) => each || 'without name').join(', ')}), and ` +
        `descriptor ${fd} ${what}: there is use for one named http (files) and one named admin (metrics and probes). ` +
        'Set FileDescriptorName= in a socket unit for each, with one ListenStream= in it.',
      exitCodes.usage,
    )
  const passed: { http?: PassedSocket; admin?: PassedSocket } = {}
  const addresses: { http?: string | undefined; admin?: string | undefined } = {}
  names.forEach((name, index) => {
    const role = isUnnamed(name) && !isNamed ? roles[index] : roles.find((role) => role === name)
    const fd = firstPassedFd + index
    if (role === undefined && !isUnnamed(name)) throw wrong(fd, `has a name that is not known, ${name}`)
    if (role === undefined && isNamed) throw wrong(fd, 'has no name, and another one has')
    if (role === undefined || passed[role] !== undefined) throw wrong(fd, 'is one too many')
    const { path, address } = checkListening(fd, role)
    passed[role] = { fd, path }
    addresses[role] = address
  })
  const { http, admin } = passed
  if (http !== undefined && admin !== undefined) {
    const [first, second] = [Math.min(http.fd, admin.fd), Math.max(http.fd, admin.fd)]
    if (fstatSync(first).ino === fstatSync(second).ino) throw wrong(second, `is the same socket as descriptor ${first}`)
    if (addresses.http !== undefined && addresses.http === addresses.admin)
      throw wrong(second, `listens where descriptor ${first} does (ReusePort=): each connection would go to either`)
  }
  return passed
}

/** TCP_LISTEN, as /proc/net/tcp has it. */
const tcpListening = '0A'
const streamSocket = '0001'
/** __SO_ACCEPTCON, as /proc/net/unix has it. */
const acceptsConnections = 1 << 16

interface Bound {
  /** Of a Unix socket. */
  readonly path?: string
  /** Of an internet socket: address and port as the kernel's table has them. */
  readonly address?: string | undefined
}

/** Where it listens. A bound socket that does not listen yet is made to: there is no telling it from one of another namespace. */
function checkListening(fd: number, role: string): Bound {
  const wrong = (what: string): CommandError =>
    new CommandError(
      `descriptor ${fd}, passed for ${role}, ${what}. It must be a stream socket that listens (ListenStream= and Accept=no in the socket unit).`,
      exitCodes.usage,
    )
  let inode: string | undefined
  try {
    if (fstatSync(fd).isSocket()) inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${fd}`))?.[1]
    else throw wrong('is no socket')
  } catch (error) {
    if (error instanceof CommandError) throw error
    throw wrong('is not open')
  }
  if (inode === undefined) return {}
  // Not found there it is of another network namespace, or of a kind that Node refuses: listening tells.
  const internet = findSocket(['tcp', 'tcp6'], 9, inode)
  if (internet !== undefined && internet[3] !== tcpListening) throw wrong('is connected, or does not listen')
  const unix = findSocket(['unix'], 6, inode)
  if (unix === undefined) return { address: internet?.[1] }
  if (unix[4] !== streamSocket) throw wrong('is no stream socket')
  if ((parseInt(unix[3] ?? '', 16) & acceptsConnections) === 0) throw wrong('does not listen')
  return { path: unix.slice(7).join(' ') }
}

/** A machine may have a million connections; those that listen are listed first. */
const tableBytesMax = 4 * 1024 * 1024

/** The row of a table of sockets whose `column`th word is `inode`. */
function findSocket(tables: readonly string[], column: number, inode: string): string[] | undefined {
  for (const table of tables) {
    for (const line of readStart(`/proc/self/net/${table}`).split('\n')) {
      const words = line.trim().split(/\s+/)
      if (words[column] === inode) return words
    }
  }
  return undefined
}

function readStart(path: string): string {
  let fd: number
  try {
    fd = openSync(path, 'r')
  } catch {
    return '' // no /proc, or no IPv6
  }
  try {
    const bytes = Buffer.alloc(tableBytesMax)
    let length = 0
    for (;;) {
      const bytesRead = readSync(fd, bytes, length, tableBytesMax - length, null)
      length += bytesRead
      if (bytesRead === 0 || length === tableBytesMax) return bytes.toString('latin1', 0, length)
    }
  } finally {
    closeSync(fd)
  }
}
