// Numbers as the page writes them: few digits, one width per size, units that people say. Pure.

const grouped = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 })

/** 12,345,678 */
export const whole = (value: number): string => grouped.format(Math.round(value))

const scales: readonly (readonly [number, string])[] = [
  [1e9, 'G'],
  [1e6, 'M'],
  [1e3, 'k'],
]

/** 950, 12.3k, 4.56M: at most four figures. */
export function short(value: number): string {
  if (!Number.isFinite(value)) return '–'
  for (const [scale, letter] of scales) {
    // 999,950 is 1.00M, not 1000k.
    if (Math.abs(value) < scale * 0.9995) continue
    return threeFigures(value / scale) + letter
  }
  return Math.abs(value) >= 10 || Number.isInteger(value) ? String(Math.round(value)) : value.toFixed(1)
}

function threeFigures(value: number): string {
  const size = Math.abs(value)
  return value.toFixed(size < 9.995 ? 2 : size < 99.95 ? 1 : 0)
}

/** 940 ns, 1.23 µs, 45.6 ms, 3.21 s. */
export function duration(ns: number): string {
  if (!Number.isFinite(ns)) return '–'
  if (ns < 999.5) return `${Math.round(ns)} ns`
  if (ns < 999.5e3) return `${threeFigures(ns / 1e3)} µs`
  if (ns < 999.5e6) return `${threeFigures(ns / 1e6)} ms`
  return `${threeFigures(ns / 1e9)} s`
}

/** 512 B, 4.00 KiB, 1.50 GiB. */
export function bytes(value: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']
  let unit = 0
  while (value >= 1023.5 && unit < units.length - 1) {
    value /= 1024
    unit++
  }
  return unit === 0 ? `${Math.round(value)} B` : `${threeFigures(value)} ${units[unit]!}`
}

/** 0.3 %, 42 %: of a share from 0 to 1. */
export function percent(share: number): string {
  if (!Number.isFinite(share)) return '–'
  const value = share * 100
  return value !== 0 && Math.abs(value) < 9.95 ? `${value.toFixed(1)} %` : `${Math.round(value)} %`
}
