// The labels that a registry puts on every metric: registry.setDefaultLabels(). prom-client adds them where it writes; we write ourselves. Used by
// exporter.ts for our metrics and by formats/foreign.ts for those of others.
import { z } from 'zod'

/** NaN and infinities are values, too. @internal */
export const numberShape: z.ZodType<number> = z.custom<number>((value) => typeof value === 'number')
/** prom-client's types allow strings and numbers; it takes whatever comes, an undefined route for one, and so do we. */
export type Labels = Record<string, unknown>
/** @internal */
export const labelsShape: z.ZodType<Labels> = z.record(z.string(), z.unknown())

const none: Labels = {}

/** Has no getter in prom-client. */
export function defaultLabelsOf(registry: object): Labels {
  const given: unknown = Reflect.get(registry, '_defaultLabels')
  if (typeof given !== 'object' || given === null || Object.keys(given).length === 0) return none
  const labels = Object.entries(labelsShape.catch(none).parse(given))
  return Object.fromEntries(labels.flatMap(([name, value]) => textLabel(name, value)))
}

/** Prometheus' data model, "Metric names and labels". */
const isLabelName = (name: string): boolean => /^[A-Za-z_]\w*$/.test(name)

/** None where the name is no label's or the value cannot be made text: one label is no reason to lose every metric. */
function textLabel(name: string, value: unknown): [string, string][] {
  if (!isLabelName(name)) return []
  try {
    return [[name, String(value)]]
  } catch {
    return []
  }
}
