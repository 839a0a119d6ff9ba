// Numbers of bytes on command lines: 4096, 512K, 64M, 1G. Used by doctor.ts, serve-options.ts and room-rules.ts.
import { InvalidArgumentError } from 'commander'

/** More is asked for by nobody, and numbers of bytes stay whole. */
const bytesMax = 2 ** 40

const factors: Readonly<Record<string, number>> = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 }

/** Thrown errors are commander's, shown with the option. */
export function parseBytes(text: string): number {
  const [, digits, unit = ''] = /^(\d{1,12})([KMG]?)(?:iB)?$/i.exec(text) ?? []
  if (digits === undefined)
    throw new InvalidArgumentError('Expected a number of bytes, with K, M or G (powers of 1024).')
  const bytes = Number(digits) * (factors[unit.toUpperCase()] ?? 1)
  if (bytes > bytesMax) throw new InvalidArgumentError('Expected at most 1024G.')
  return bytes
}

/** What a disk may hold. Thrown errors are commander's, shown with the option. */
export function parseSize(text: string): number {
  const [, digits, unit = ''] = /^(\d{1,12})([KMGT]?)(?:iB)?$/i.exec(text) ?? []
  const bytes = Number(digits) * (factors[unit.toUpperCase()] ?? 1)
  if (digits === undefined || bytes === 0 || !Number.isSafeInteger(bytes))
    throw new InvalidArgumentError('Expected a number of bytes, with K, M, G or T (powers of 1024).')
  return bytes
}
