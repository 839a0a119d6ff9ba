// The labels that a registry puts on every metric: registry.setDefaultLabels(). prom-client adds them where it writes; we write ourselves. Used by
// exporter.ts for our metrics and by formats/foreign.ts for those of others.
import { z } from 'zod'

/** @internal zod stays out of the declarations, since its own ask for TypeScript 5.4. NaN and infinities are values, too. */
export const numberShape: z.ZodType<number> = z.custom<number>((value) => typeof value === 'number')
export type Labels = Record<string, string | number | boolean>
/** @internal */
export const labelsShape: z.ZodType<Labels> = z.record(z.string(), z.union([z.string(), numberShape, z.boolean()]))

const none: Labels = {}

/** Has no getter in prom-client. */
export function defaultLabelsOf(registry: object): Labels {
  const given: unknown = Reflect.get(registry, '_defaultLabels')
  if (typeof given !== 'object' || given === null || Object.keys(given).length === 0) return none
  return labelsShape.catch(none).parse(given)
}
