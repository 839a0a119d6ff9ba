// Reads Prometheus text as a server would, strictly, and finds promtool. Called by the tests of the exporter.

import { spawnSync } from 'node:child_process'

export interface Sample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

export interface Family {
  readonly name: string
  readonly type: string
  readonly help: string
  readonly samples: Sample[]
}

/** Throws on any line that is not of the format, on samples outside their family, and on a series that appears twice. */
export function parseExposition(text: string): Map<string, Family> {
  const families = new Map<string, Family>()
  const series = new Set<string>()
  let current: Family | undefined
  let help: { name: string; text: string } | undefined
  for (const line of text.split('\n')) {
    if (line === '' || line === '# EOF') continue
    const helpMatch = /^# HELP (\S+) (.+)$/.exec(line)
    const typeMatch = /^# TYPE (\S+) (counter|gauge|histogram)$/.exec(line)
    if (helpMatch !== null) {
      help = { name: helpMatch[1]!, text: helpMatch[2]! }
    } else if (typeMatch !== null) {
      const name = typeMatch[1]!
      if (help?.name !== name) throw new Error(`TYPE without HELP: ${line}`)
      if (families.has(name)) throw new Error(`second family: ${line}`)
      current = { name, type: typeMatch[2]!, help: help.text, samples: [] }
      families.set(name, current)
    } else {
      const match = /^([a-z_:][\w:]*)(?:\{(.*)\})? (\S+)$/i.exec(line)
      if (match === null || current === undefined) throw new Error(`not a sample: ${line}`)
      const [, name, labelText, value] = match
      const suffix = name!.slice(current.name.length)
      if (!name!.startsWith(current.name) || !['', '_total', '_bucket', '_sum', '_count'].includes(suffix)) {
        throw new Error(`sample outside its family ${current.name}: ${line}`)
      }
      const key = line.slice(0, line.lastIndexOf(' '))
      if (series.has(key)) throw new Error(`series twice: ${line}`)
      series.add(key)
      current.samples.push({ name: name!, labels: parseLabels(labelText ?? ''), value: parseValue(value!) })
    }
  }
  return families
}

/** The value of the one sample with this name and (at least) these labels; undefined when there is none. */
export function sampleValue(
  families: ReadonlyMap<string, Family>,
  name: string,
  labels: Readonly<Record<string, string>>,
): number | undefined {
  const found = [...families.values()]
    .flatMap(({ samples }) => samples)
    .filter(
      (sample) => sample.name === name && Object.entries(labels).every(([key, value]) => sample.labels[key] === value),
    )
  if (found.length > 1) throw new Error(`${found.length} samples of ${name} fit ${JSON.stringify(labels)}`)
  return found[0]?.value
}

function parseLabels(text: string): Record<string, string> {
  const labels: Record<string, string> = {}
  const pair = /([a-z_]\w*)="((?:[^"\\]|\\[\\"n])*)"(,|$)/giy
  while (pair.lastIndex < text.length) {
    const match = pair.exec(text)
    if (match === null) throw new Error(`labels: ${text}`)
    if (match[1]! in labels) throw new Error(`label twice: ${text}`)
    labels[match[1]!] = match[2]!.replaceAll(/\\([\\"n])/g, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped))
  }
  return labels
}

function parseValue(text: string): number {
  const value = Number(text.replace(/^([+-])Inf$/, '$1Infinity'))
  if (Number.isNaN(value)) throw new Error(`value: ${text}`)
  return value
}

const promtool = 'promtool'

/** Why promtool cannot be asked here, or null when it can. */
export const promtoolMissing: string | null =
  spawnSync(promtool, ['--version']).error === undefined
    ? null
    : 'promtool is not on the PATH (Debian: apt-get install prometheus)'

/** What `promtool check metrics` says; nothing and status 0 when it has no complaint. */
export function promtoolCheck(text: string): { status: number | null; complaints: string } {
  const { status, stdout, stderr } = spawnSync(promtool, ['check', 'metrics'], { input: text, encoding: 'utf8' })
  return { status, complaints: stdout + stderr }
}
