// Reads what a leg's process prints: its last line, checked field by field. Called by legs/*, whose plans parse with it.
import { z } from 'zod'
import type { Measurement } from './model.ts'

const measurementSchema = z.strictObject({
  operations: z.number().int().positive(),
  seconds: z.number().positive(),
  cpuSeconds: z.number().nonnegative(),
  p50Us: z.number().nonnegative().nullable(),
  p99Us: z.number().nonnegative().nullable(),
  p999Us: z.number().nonnegative().nullable(),
  loopUtilization: z.number().min(0).nullable(),
  entersPerOperation: z.number().nonnegative().nullable(),
  deviceBytes: z.number().nonnegative().nullable(),
  note: z.string().exactOptional(),
})

export function lastLine(stdout: string): string {
  const line = stdout.trimEnd().split('\n').at(-1) ?? ''
  if (line === '') throw new Error('it printed no result')
  return line
}

export function parseMeasurement(stdout: string): Measurement {
  return measurementSchema.parse(JSON.parse(lastLine(stdout)))
}
