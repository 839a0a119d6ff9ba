// Socket addresses as Node shows them ↔ struct sockaddr_in, _in6, _un. Used by the socket operations. The kernel reads a
// sockaddr when it carries the operation out, not when it is submitted: encode once, keep with the operation.
import { SocketAddress as NodeSocketAddress, isIP } from 'node:net'
import { invalidArgType, invalidArgValue, outOfRange } from '../../native/errors.ts'
import { checkInteger } from '../arguments.ts'
import { AddressFamily } from './flags.ts'

/** An IPv4 or IPv6 address and port. */
export interface InternetAddress {
  readonly address: string
  readonly port: number
  /** IPv6 only. Default 0. */
  readonly flowLabel?: number
  /** IPv6 only: the interface of a link-local address. Default 0. */
  readonly scopeId?: number
}

/** A path in the file system, or, with a NUL at its beginning, a name in Linux' abstract space. '' is a socket without name. */
export interface UnixAddress {
  readonly path: string
}

export type SocketAddress = InternetAddress | UnixAddress

/** sockaddr_storage: room for any address. */
export const socketAddressBytesMax: number = 128

const familyBytes = 2
/** sun_path holds 108 bytes; a path needs its NUL among them. */
const unixPathBytesMax = 107

/**
 * The sockaddr of an address; its length is the address's length.
 * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE (no IP address), ERR_OUT_OF_RANGE (port, path too long)
 */
export function encodeAddress(address: SocketAddress, name = 'address'): Buffer {
  const given: unknown = address
  if (typeof given !== 'object' || given === null) throw invalidArgType(name, 'of type object', given)
  return 'path' in address ? encodeUnix(address.path, name) : encodeInternet(address, name)
}

function encodeUnix(path: string, name: string): Buffer {
  if (typeof path !== 'string') throw invalidArgType(`${name}.path`, 'of type string', path)
  if (path === '') return Buffer.from(Uint16Array.of(AddressFamily.AF_UNIX).buffer)
  const isAbstract = path.startsWith('\0')
  if (!isAbstract && path.includes('\0')) throw invalidArgValue(`${name}.path`, path, 'must have no null bytes inside')
  const pathBytes = Buffer.byteLength(path)
  const pathBytesMax = isAbstract ? unixPathBytesMax + 1 : unixPathBytesMax
  if (pathBytes > pathBytesMax) throw outOfRange(`${name}.path`, `<= ${pathBytesMax} bytes long`, pathBytes)
  // An abstract name is as long as the address says and has no NUL at its end.
  const bytes = Buffer.alloc(familyBytes + pathBytes + (isAbstract ? 0 : 1))
  bytes.writeUInt16LE(AddressFamily.AF_UNIX)
  bytes.write(path, familyBytes)
  return bytes
}

function encodeInternet(internet: InternetAddress, name: string): Buffer {
  const { address, port, flowLabel = 0, scopeId = 0 } = internet
  if (typeof address !== 'string') throw invalidArgType(`${name}.address`, 'of type string', address)
  checkInteger(port, `${name}.port`, 0, 65535)
  const version = address.includes('%') ? 0 : isIP(address)
  if (version === 0)
    throw invalidArgValue(`${name}.address`, address, 'must be an IP address (interfaces go into scopeId)')
  if (version === 4) {
    const bytes = Buffer.alloc(16)
    bytes.writeUInt16LE(AddressFamily.AF_INET)
    bytes.writeUInt16BE(port, 2)
    bytes.set(address.split('.').map(Number), 4)
    return bytes
  }
  const bytes = Buffer.alloc(28)
  bytes.writeUInt16LE(AddressFamily.AF_INET6)
  bytes.writeUInt16BE(port, 2)
  bytes.writeUInt32BE(checkInteger(flowLabel, `${name}.flowLabel`, 0, 0xfffff), 4)
  ipv6Groups(address).forEach((group, index) => bytes.writeUInt16BE(group, 8 + index * 2))
  bytes.writeUInt32LE(checkInteger(scopeId, `${name}.scopeId`, 0, 2 ** 32 - 1), 24)
  return bytes
}

// The URL parser brings every spelling (embedded IPv4 too) into one: hexadecimal groups and at most one "::".
function ipv6Groups(address: string): number[] {
  const [head = '', tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::')
  const groups = (text: string): number[] => (text === '' ? [] : text.split(':').map((group) => parseInt(group, 16)))
  const before = groups(head)
  const after = groups(tail ?? '')
  return [...before, ...new Array<number>(8 - before.length - after.length).fill(0), ...after]
}

/** The address in the first `length` bytes of a sockaddr that the kernel has filled; null where it gave none. */
export function decodeAddress(bytes: Buffer, length: number): SocketAddress | null {
  if (length < familyBytes) return null
  const family = bytes.readUInt16LE(0)
  if (family === AddressFamily.AF_UNIX) return { path: unixPath(bytes.subarray(familyBytes, length)) }
  if (family === AddressFamily.AF_INET && length >= 16) {
    return { address: bytes.subarray(4, 8).join('.'), port: bytes.readUInt16BE(2) }
  }
  if (family !== AddressFamily.AF_INET6 || length < 28) return null
  const groups = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(8 + index * 2).toString(16))
  const { address } = new NodeSocketAddress({ address: groups.join(':'), family: 'ipv6' })
  const flowLabel = bytes.readUInt32BE(4)
  const scopeId = bytes.readUInt32LE(24)
  return {
    address,
    port: bytes.readUInt16BE(2),
    ...(flowLabel === 0 ? {} : { flowLabel }),
    ...(scopeId === 0 ? {} : { scopeId }),
  }
}

function unixPath(bytes: Buffer): string {
  if (bytes.length === 0 || bytes[0] === 0) return bytes.toString()
  const end = bytes.indexOf(0)
  return bytes.toString('utf8', 0, end < 0 ? bytes.length : end)
}
