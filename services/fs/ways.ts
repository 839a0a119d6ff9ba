// Which way each function of the API takes: what README's table says, as data. A test compares it with the exports of Node, with the methods of a
// FileHandle, and with README.

/**
 * `ring`: requests of a ring, where the arguments are plain. `part`: of some calls. `node`: Node's own implementation, since io_uring has no
 * operation for it.
 */
export type Way = 'ring' | 'part' | 'node'

export const functionWays: Readonly<Record<string, Way>> = {
  open: 'ring',
  stat: 'ring',
  lstat: 'ring',
  readFile: 'ring',
  writeFile: 'ring',
  appendFile: 'ring',
  truncate: 'ring',
  mkdir: 'ring',
  mkdtemp: 'ring',
  rename: 'ring',
  link: 'ring',
  symlink: 'ring',
  unlink: 'ring',
  rmdir: 'ring',
  access: 'part',
  rm: 'part',
  chmod: 'node',
  chown: 'node',
  copyFile: 'node',
  cp: 'node',
  glob: 'node',
  lchmod: 'node',
  lchown: 'node',
  lutimes: 'node',
  mkdtempDisposable: 'node',
  opendir: 'node',
  readdir: 'node',
  readlink: 'node',
  realpath: 'node',
  statfs: 'node',
  utimes: 'node',
  watch: 'node',
}

export const handleWays: Readonly<Record<string, Way>> = {
  read: 'ring',
  readv: 'ring',
  write: 'ring',
  writev: 'ring',
  readFile: 'ring',
  stat: 'ring',
  sync: 'ring',
  datasync: 'ring',
  truncate: 'ring',
  close: 'ring',
  createReadStream: 'ring',
  createWriteStream: 'ring',
  readLines: 'ring',
  readableWebStream: 'ring',
  writeFile: 'part',
  appendFile: 'part',
  chmod: 'node',
  chown: 'node',
  utimes: 'node',
  getAsyncId: 'node',
}
