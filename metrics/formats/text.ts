// The two text formats: Prometheus' 0.0.4 (prometheus.io/docs, "Exposition formats") and OpenMetrics 1.0.0 (its specification, "Text format").
// Called by render.ts. What differs: OpenMetrics names a counter's family without `_total`, has units and exemplars, and an end.
import { classicBounds } from '../classic-buckets.ts'
import type { Exemplar } from '../exemplar.ts'
import type { Family } from '../plane-collector.ts'
import type { Series } from '../series.ts'
import type { ForeignFamily, ForeignSample } from './foreign.ts'
import { HistogramTextLines } from './histogram-lines.ts'
import type { Output } from './output.ts'
import { ScalarTextLines } from './scalar-lines.ts'

export type TextFormat = 'text' | 'openmetrics'

const counterSuffix = '_total'

export function writeFamilies(
  output: Output,
  format: TextFormat,
  families: readonly Family[],
  foreign: readonly ForeignFamily[],
): void {
  for (const family of families) writeFamily(output, format, family)
  for (const family of foreign) writeForeign(output, format, family)
  if (format === 'openmetrics') output.ascii('# EOF\n')
}

interface Head {
  readonly name: string
  readonly type: string
  readonly help: string
  readonly unit: string | null
}

function writeHead(output: Output, format: TextFormat, { name, type, help, unit }: Head): void {
  if (format === 'text') {
    output.text(`# HELP ${name} ${escapeHelp(help)}\n# TYPE ${name} ${type}\n`)
    return
  }
  const family = type === 'counter' ? withoutTotal(name) : name
  output.text(`# TYPE ${family} ${type === 'untyped' ? 'unknown' : type}\n`)
  if (unit !== null && family.endsWith(`_${unit}`)) output.text(`# UNIT ${family} ${unit}\n`)
  output.text(`# HELP ${family} ${escapeLabel(help)}\n`)
}

const withoutTotal = (name: string): string =>
  name.endsWith(counterSuffix) ? name.slice(0, -counterSuffix.length) : name

function writeFamily(output: Output, format: TextFormat, family: Family): void {
  const { name, type, help, unit } = family
  const series = family.collect()
  writeHead(output, format, { name, type, help, unit: unit === 'seconds' || unit === 'bytes' ? unit : null })
  if (type === 'histogram') {
    for (const one of series) writeHistogram(output, format, name, one)
    return
  }
  const linePrefix = ({ labels }: Series): string => `${name}${braced(labelText(labels))} `
  if (format === 'openmetrics' && series.some(({ exemplar }) => exemplar !== null)) {
    const line = (one: Series): string => {
      const exemplar = one.exemplar === null ? '' : exemplarText(one.exemplar)
      return `${linePrefix(one)}${numberText(one.value)}${exemplar}\n`
    }
    output.text(series.map(line).join(''))
    return
  }
  let lines = scalarLines.get(family)
  if (lines === undefined) scalarLines.set(family, (lines = new ScalarTextLines(linePrefix, numberText)))
  output.bytes(lines.write(series))
}

const scalarLines = new WeakMap<Family, ScalarTextLines>()

function writeHistogram(output: Output, format: TextFormat, name: string, series: Series): void {
  const { counts, sumNs, exemplars } = series
  const lines = (series.lines ??= new HistogramTextLines(name, labelText(series.labels)))
  const bytes = lines.write(counts, sumNs)
  if (format === 'text' || exemplars === null) {
    output.bytes(bytes)
  } else {
    // The n-th line is that of the n-th bucket. Rare enough to be put together anew.
    const texts = Buffer.from(bytes).toString().split('\n')
    const withExemplars = texts.map((line, index) => {
      const exemplar = index <= classicBounds.length ? (exemplars[index] ?? null) : null
      return exemplar === null ? line : `${line}${exemplarText(exemplar)}`
    })
    output.text(withExemplars.join('\n'))
  }
}

function writeForeign(output: Output, format: TextFormat, family: ForeignFamily): void {
  writeHead(output, format, { ...family, unit: null })
  let text = ''
  for (const sample of family.samples) text += foreignLine(format, family, sample)
  output.text(text)
}

function foreignLine(
  format: TextFormat,
  family: ForeignFamily,
  { suffix, labels, value, exemplar }: ForeignSample,
): string {
  const name =
    format === 'openmetrics' && family.type === 'counter' ? withoutTotal(family.name) + counterSuffix : family.name
  const shown = format === 'openmetrics' && exemplar !== null ? exemplarText(exemplar) : ''
  return `${name}${suffix}${braced(labelText(labels))} ${numberText(value)}${shown}\n`
}

const braced = (labels: string): string => (labels === '' ? '' : `{${labels}}`)

function labelText(labels: readonly (readonly [string, string])[]): string {
  return labels.map(([name, value]) => `${name}="${escapeLabel(value)}"`).join(',')
}

/** ` # {trace_id="…"} 0.25 1700000000.123` */
function exemplarText({ labels, value, timestampMs }: Exemplar): string {
  return ` # {${labelText(Object.entries(labels))}} ${numberText(value)} ${(timestampMs / 1000).toFixed(3)}`
}

function numberText(value: number): string {
  if (value === Infinity) return '+Inf'
  return value === -Infinity ? '-Inf' : String(value)
}

const escapeHelp = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
const escapeLabel = (text: string): string => escapeHelp(text).replaceAll('"', '\\"')
