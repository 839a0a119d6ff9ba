// Which operations tests prove on a real kernel, by family: test/services/raw/operations-<family>.test.ts. Nobody's word
// is taken for it: each of those files fails unless exactly these operations completed in tests of its that passed. What is proven
// of recv_zc is that it is refused, with the reason: no ring here can have what it needs.
export const testedOperations: Readonly<Record<string, readonly string[]>> = {
  control: ['nop', 'async_cancel'],
  files: ['read', 'write', 'fsync', 'close'],
  paths: ['openat', 'openat2', 'statx'],
  vectors: ['readv', 'writev', 'read_fixed', 'write_fixed', 'readv_fixed', 'writev_fixed', 'read_multishot'],
  space: ['sync_file_range', 'fallocate', 'ftruncate', 'fadvise', 'madvise'],
  links: ['renameat', 'unlinkat', 'mkdirat', 'symlinkat', 'linkat'],
  xattrs: ['fsetxattr', 'setxattr', 'fgetxattr', 'getxattr'],
  pipes: ['splice', 'tee', 'pipe'],
  sockets: ['socket', 'bind', 'listen', 'accept', 'connect', 'shutdown', 'uring_cmd'],
  messages: ['send', 'recv', 'sendmsg', 'recvmsg', 'send_zc', 'sendmsg_zc', 'recv_zc'],
  polls: ['poll_add', 'poll_remove', 'epoll_ctl', 'epoll_wait'],
  timeouts: ['timeout', 'timeout_remove', 'link_timeout'],
  waits: ['futex_wait', 'futex_wake', 'futex_waitv', 'waitid'],
  registered: ['files_update', 'fixed_fd_install', 'provide_buffers', 'remove_buffers', 'msg_ring'],
}
