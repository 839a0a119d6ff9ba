// Errors as numbers. A ring's completions carry Linux's numbers on every platform, because the poller compares them; what a program
// meets in `error.errno` is its own platform's. Used where system errors are made (errors.ts) and where node:fs's come in (plain/).

/** Of everything that file operations answer; errno.h of x86-64, arm64 and most others. */
const numbers: Readonly<Record<string, number>> = {
  EPERM: -1,
  ENOENT: -2,
  ESRCH: -3,
  EINTR: -4,
  EIO: -5,
  ENXIO: -6,
  EBADF: -9,
  EAGAIN: -11,
  ENOMEM: -12,
  EACCES: -13,
  EFAULT: -14,
  EBUSY: -16,
  EEXIST: -17,
  EXDEV: -18,
  ENODEV: -19,
  ENOTDIR: -20,
  EISDIR: -21,
  EINVAL: -22,
  ENFILE: -23,
  EMFILE: -24,
  ENOTTY: -25,
  ETXTBSY: -26,
  EFBIG: -27,
  ENOSPC: -28,
  ESPIPE: -29,
  EROFS: -30,
  EMLINK: -31,
  EPIPE: -32,
  ERANGE: -34,
  ENAMETOOLONG: -36,
  ENOSYS: -38,
  ENOTEMPTY: -39,
  ELOOP: -40,
  EOVERFLOW: -75,
  EILSEQ: -84,
  ENOTSOCK: -88,
  EOPNOTSUPP: -95,
  ENOTSUP: -95,
  ETIMEDOUT: -110,
  EALREADY: -114,
  ECANCELED: -125,
}

/** Linux's number for a code such as `ENOENT`; undefined where it is none of a file operation's. */
export function linuxErrno(code: string): number | undefined {
  return Object.hasOwn(numbers, code) ? numbers[code] : undefined
}

/** What libuv says of its errors, with Linux's number first: [number, [code, message]]. `own`: libuv's, by the platform's numbers. */
export function byLinuxErrno(own: ReadonlyMap<number, [string, string]>): [number, [string, string]][] {
  return [...own.values()].flatMap(([code, message]): [number, [string, string]][] => {
    const errno = linuxErrno(code)
    return errno === undefined ? [] : [[errno, [code, message]]]
  })
}
