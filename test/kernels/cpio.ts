// Writes an archive that the kernel unpacks as its first root: cpio in the format "newc". Called by guest-root.ts. Written here so that
// device nodes need no root, and no program needs to be installed.
import { closeSync, openSync, writeSync } from 'node:fs'

const typeDirectory = 0o040000
const typeFile = 0o100000
const typeLink = 0o120000
const typeDevice = 0o020000

export class CpioWriter {
  readonly #fd: number
  readonly #directories = new Set<string>()
  #inode = 1

  constructor(path: string) {
    this.#fd = openSync(path, 'w')
  }

  /** A directory and those it is in. */
  directory(path: string): void {
    const at = path.lastIndexOf('/')
    if (at > 0) this.directory(path.slice(0, at))
    if (path === '' || this.#directories.has(path)) return
    this.#directories.add(path)
    this.#entry(path, typeDirectory | 0o755, Buffer.alloc(0))
  }

  file(path: string, content: Buffer, permissions = 0o644): void {
    this.#parent(path)
    this.#entry(path, typeFile | permissions, content)
  }

  link(path: string, target: string): void {
    this.#parent(path)
    this.#entry(path, typeLink | 0o777, Buffer.from(target))
  }

  /** A character device. */
  device(path: string, major: number, minor: number): void {
    this.#parent(path)
    this.#entry(path, typeDevice | 0o600, Buffer.alloc(0), major, minor)
  }

  close(): void {
    this.#entry('TRAILER!!!', 0, Buffer.alloc(0))
    closeSync(this.#fd)
  }

  #parent(path: string): void {
    this.directory(path.slice(0, path.lastIndexOf('/')))
  }

  #entry(path: string, mode: number, content: Buffer, major = 0, minor = 0): void {
    const name = Buffer.from(`${path.replace(/^\//, '')}\0`)
    const [inode, links] = [this.#inode++, 1]
    // ino, mode, uid, gid, nlink, mtime, filesize, devmajor, devminor, rdevmajor, rdevminor, namesize, check
    const fields = [inode, mode, 0, 0, links, 0, content.length, 0, 0, major, minor, name.length, 0]
    const header = `070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`
    this.#write(padded(Buffer.concat([Buffer.from(header), name])))
    this.#write(padded(content))
  }

  #write(bytes: Buffer): void {
    for (let at = 0; at < bytes.length;) at += writeSync(this.#fd, bytes, at)
  }
}

/** To a multiple of four bytes. */
function padded(bytes: Buffer): Buffer {
  const missing = (4 - (bytes.length % 4)) % 4
  return missing === 0 ? bytes : Buffer.concat([bytes, Buffer.alloc(missing)])
}
