// Whole numbers as digits in memory, written over others. Used by histogram-lines.ts and scalar-lines.ts.

/** By exponent; 2^53 has sixteen digits. */
export const powersOfTen: Float64Array = Float64Array.from({ length: 17 }, (_, exponent) => 10 ** exponent)
export const digitZero = 48
/** What 32 bits hold, which are divided four times as fast. */
const smallMax = 2 ** 31 - 1

/**
 * Writes `value`, whose last digit is before `end`, over `before`, which has as many digits, if with zeros in front. Returns how many of the last
 * digits are not as they were.
 */
export function writeDigits(bytes: Uint8Array, end: number, value: number, before: number): number {
  let at = end
  let rest = value
  let restBefore = before
  while ((rest > smallMax || restBefore > smallMax) && rest !== restBefore) {
    const tenth = Math.floor(rest / 10)
    bytes[--at] = digitZero + (rest - tenth * 10)
    rest = tenth
    restBefore = Math.floor(restBefore / 10)
  }
  if (rest === restBefore) return end - at
  let small = rest | 0
  let smallBefore = restBefore | 0
  // What is the same from here on is there.
  while (small !== smallBefore) {
    const tenth = (small / 10) | 0
    bytes[--at] = digitZero + (small - tenth * 10)
    small = tenth
    smallBefore = (smallBefore / 10) | 0
  }
  return end - at
}
