// Runs alert cases through `promtool test rules`, Prometheus' own evaluation of rules over series that are given. Used by alerts.test.ts.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'
import { promtoolMissing } from '../../metrics/exposition.ts'

/** Whether promtool is not there: tests that need it are skipped, and why is said once for each file. */
export const withoutPromtool: boolean = promtoolMissing !== null
if (promtoolMissing !== null) console.warn(`skipped: ${promtoolMissing}`)

export interface Rule {
  readonly alert?: string
  readonly record?: string
  readonly expr: string
  readonly for?: string
  readonly labels?: Readonly<Record<string, string>>
  readonly annotations?: Readonly<Record<string, string>>
}

export interface RuleFile {
  readonly groups: readonly { readonly name: string; readonly rules: readonly Rule[] }[]
}

export const rulesFolder: string = fileURLToPath(new URL('../../../deploy/prometheus/', import.meta.url))
export const ruleFiles: readonly string[] = readdirSync(rulesFolder)
  .filter((name) => name.endsWith('.rules.yaml'))
  .map((name) => join(rulesFolder, name))

export const rules: readonly Rule[] = ruleFiles.flatMap((file) =>
  (parse(readFileSync(file, 'utf8')) as RuleFile).groups.flatMap((group) => group.rules),
)

/**
 * The rules as they are, of what expressions need: those that record what they ask for, before them. All of them for each of a hundred
 * cases would take minutes; that the files load as they are is `promtool check rules`' business, and that of a real server.
 */
function rulesFor(needed: readonly Rule[]): Rule[] {
  const recorded = new Set(needed.flatMap(({ expr }) => expr.match(/\binstance\w*:\w+:\w+/g) ?? []))
  const sources = rules.filter(
    (rule) => !needed.includes(rule) && rule.record !== undefined && recorded.has(rule.record),
  )
  return [...(sources.length > 0 ? rulesFor(sources) : []), ...needed]
}

/** Series in promtool's notation: name with labels → values, one per `interval`. `job` and `instance` are added. */
export type Series = Readonly<Record<string, string>>

export interface Firing {
  /** Beside severity, job and instance; undefined takes one of these away. */
  readonly labels: Readonly<Record<string, string | undefined>>
  readonly description: string
}

/** How one alert behaves: when it fires and with what words, when it is over, and when it stays quiet. */
export interface AlertCase {
  readonly alert: string
  /** Distance of samples and evaluations; 1m. */
  readonly interval?: string
  readonly fires: readonly {
    readonly when: string
    readonly series: Series
    /** Not yet, although the condition may hold: what `for` is for. */
    readonly notYetAt?: string
    readonly at: string
    readonly firing: readonly Firing[]
    /** Over again at this time. */
    readonly overAt?: string
  }[]
  readonly quiet: readonly { readonly when: string; readonly series: Series; readonly at: readonly string[] }[]
}

const target = { job: 'ringmaster', instance: 'a:9464' } as const

const ownLabels = Object.entries(target)
  .map(([name, value]) => `${name}="${value}"`)
  .join(',')

/** `name{a="b"}` → `name{job=…,instance=…,a="b"}`; a series that names a job is left alone. */
function withTarget(series: string): string {
  if (series.includes('job=')) return series
  const [, name, labels] = /^([\w:]+)(?:\{(.*)\})?$/.exec(series) ?? []
  if (name === undefined) throw new Error(`not a series: ${series}`)
  return `${name}{${ownLabels}${labels === undefined ? '' : `,${labels}`}}`
}

/** What promtool has to say against a case; empty if the rules behave as it says. */
export function testAlert({ alert, interval = '1m', fires, quiet }: AlertCase): string {
  const rule = rules.find((candidate) => candidate.alert === alert)
  if (rule === undefined) return `no rule has alert: ${alert}`
  const severity = rule.labels?.['severity']
  const { summary, runbook_url } = rule.annotations ?? {}
  const expected = ({ labels, description }: Firing): object => ({
    exp_labels: { severity, ...target, ...labels },
    exp_annotations: { summary, description, runbook_url },
  })
  const group = (series: Series, times: Readonly<Record<string, readonly Firing[]>>): object => ({
    interval,
    input_series: Object.entries(series).map(([name, values]) => ({ series: withTarget(name), values })),
    alert_rule_test: Object.entries(times).map(([time, firing]) => ({
      eval_time: time,
      alertname: alert,
      exp_alerts: firing.map(expected),
    })),
  })
  return runPromtool(rulesFor([rule]), {
    evaluation_interval: interval,
    tests: [
      ...fires.map(({ series, notYetAt, at, firing, overAt }) =>
        group(series, {
          ...(notYetAt === undefined ? {} : { [notYetAt]: [] }),
          [at]: firing,
          ...(overAt === undefined ? {} : { [overAt]: [] }),
        }),
      ),
      ...quiet.map(({ series, at }) => group(series, Object.fromEntries(at.map((time) => [time, []])))),
    ],
  })
}

/** Recording rules: the value of each expression at a time, over series that are given. */
export function testExpressions(
  series: Series,
  atTime: string,
  expectations: Readonly<Record<string, readonly { labels: string; value: number }[]>>,
): string {
  const needed = Object.keys(expectations).map((expr) => ({ record: '', expr }))
  return runPromtool(rulesFor(needed).slice(0, -needed.length), {
    evaluation_interval: '1m',
    tests: [
      {
        interval: '1m',
        input_series: Object.entries(series).map(([name, values]) => ({ series: withTarget(name), values })),
        promql_expr_test: Object.entries(expectations).map(([expr, samples]) => ({
          expr,
          eval_time: atTime,
          exp_samples: samples.map(({ labels, value }) => ({ labels: withTarget(labels), value })),
        })),
      },
    ],
  })
}

/** JSON is YAML: what promtool reads needs no writer of YAML. */
function runPromtool(needed: readonly Rule[], tests: object): string {
  const folder = mkdtempSync(join(tmpdir(), 'ringmaster-rules-'))
  try {
    const rulesFile = join(folder, 'rules.json')
    writeFileSync(rulesFile, JSON.stringify({ groups: [{ name: 'tested', rules: needed }] }))
    const file = join(folder, 'tests.json')
    writeFileSync(file, JSON.stringify({ rule_files: [rulesFile], ...tests }))
    const { status, stdout, stderr, error } = spawnSync('promtool', ['test', 'rules', file], { encoding: 'utf8' })
    if (error !== undefined) return String(error)
    return status === 0 ? '' : `${stdout}${stderr}`
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** What `promtool check rules` has to say about the files as they are. */
export function checkRules(): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync('promtool', ['check', 'rules', ...ruleFiles], { encoding: 'utf8' })
  return { status, output: stdout + stderr }
}
