// Every alert fires when it should, in the words its operator reads, waits as long as it should, stops, and stays quiet otherwise.
// promtool evaluates the rules; the cases are in the tables beside this file, one entry per alert.
import { describe, expect, it } from 'vitest'
import { operationCount } from '../../../metrics/ring-metrics.ts'
import { operationName } from '../../../native/operations/index.ts'
import { processAlerts } from './process-alerts.ts'
import { checkRules, rules, testAlert, testExpressions, withoutPromtool } from './promtool.ts'
import { ringAlerts } from './ring-alerts.ts'
import { storageAlerts } from './storage-alerts.ts'

const cases = [...ringAlerts, ...storageAlerts, ...processAlerts]
/** `(a|b)c|d` → `(a|b)c`, `d`. */
const alternatives = (pattern: string): string[] => pattern.split(/\|(?![^(]*\))/)
const alerts = rules.filter(({ alert }) => alert !== undefined)

it.skipIf(withoutPromtool)('promtool finds no fault with the files', () => {
  expect(checkRules()).toMatchObject({ status: 0 })
})

describe('the alerts', () => {
  it('have a case each, which fires, is over, and is quiet', () => {
    expect(cases.map(({ alert }) => alert).sort()).toEqual(alerts.map(({ alert }) => alert).sort())
    for (const { alert, fires, quiet } of cases) {
      expect(
        fires.some(({ overAt }) => overAt !== undefined),
        `${alert} is over`,
      ).toBe(true)
      expect(
        fires.some(({ firing }) => firing.length > 0),
        `${alert} fires`,
      ).toBe(true)
      expect(quiet.length, `${alert} is quiet`).toBeGreaterThan(0)
    }
  })

  it('that wait are not there before', () => {
    for (const { alert, fires } of cases) {
      const waits = alerts.find((rule) => rule.alert === alert)?.for !== undefined
      if (waits)
        expect(
          fires.some(({ notYetAt }) => notYetAt !== undefined),
          `${alert} waits`,
        ).toBe(true)
    }
  })

  it.each(alerts.map((rule) => [rule.alert ?? '', rule] as const))(
    '%s says how severe it is, what happened, and where to read on',
    (name, { labels, annotations }) => {
      expect(name).toMatch(/^Ringmaster([A-Z][a-z]*)+$/)
      expect(['page', 'ticket']).toContain(labels?.['severity'])
      expect(annotations?.['summary']).toMatch(/^[A-Z].*[^.]$/)
      expect(annotations?.['description']).toMatch(/\.$|says why\.$/)
      expect(annotations?.['runbook_url']).toBe(`deploy/RUNBOOK.md#${name.toLowerCase()}`)
    },
  )

  it.skipIf(withoutPromtool).each(cases.map((entry) => [entry.alert, entry] as const))(
    '%s fires when it should and not otherwise',
    (_name, entry) => {
      expect(testAlert(entry)).toBe('')
    },
  )

  it('leave to the exporter which codes are errors of the device, and name no operation that it does not', () => {
    const known = Array.from({ length: operationCount }, (_, opcode) => operationName(opcode))
    for (const { expr } of rules) expect(expr).not.toMatch(/\bE[A-Z]{2,}\b/)
    const patterns = rules.flatMap(({ expr }) => [...expr.matchAll(/operation=~?"([^"]+)"/g)].map((match) => match[1]!))
    expect(patterns).not.toHaveLength(0)
    for (const pattern of patterns.flatMap(alternatives))
      expect(known.filter((name) => new RegExp(`^(${pattern})$`).test(name)).length, pattern).toBeGreaterThan(0)
  })
})

describe.skipIf(withoutPromtool)('the recording rules', () => {
  it('add rings up, and divide sums', () => {
    const series = {
      'ringmaster_operations_total{ring="0",operation="read"}': '0+60x20',
      'ringmaster_operations_total{ring="1",operation="read"}': '0+120x20',
      'ringmaster_operations_total{ring="0",client="2",operation="read"}': '0+60x20',
      'ringmaster_operation_completions_total{ring="0",operation="read"}': '0+60x20',
      'ringmaster_operation_completions_total{ring="1",operation="read"}': '0+60x20',
      'ringmaster_ring_enter_calls_total{ring="0",caller="client"}': '0+6x20',
      'ringmaster_ring_enter_calls_total{ring="0",caller="worker"}': '0+6x20',
      'ringmaster_ring_reaped_completions_total{ring="0"}': '0+60x20',
      'ringmaster_ring_reaped_completions_total{ring="1"}': '0+60x20',
    }
    expect(
      testExpressions(series, '15m', {
        'instance_operation:ringmaster_operations:rate5m': [
          { labels: 'instance_operation:ringmaster_operations:rate5m{operation="read"}', value: 4 },
        ],
        'instance:ringmaster_operations_per_completion:ratio_rate10m': [
          { labels: 'instance:ringmaster_operations_per_completion:ratio_rate10m', value: 2 },
        ],
        'instance:ringmaster_ring_enter_calls_per_completion:ratio_rate5m': [
          { labels: 'instance:ringmaster_ring_enter_calls_per_completion:ratio_rate5m', value: 0.1 },
        ],
      }),
    ).toBe('')
  })

  it('share errors of the device among operations of storage, those that have the counter', () => {
    const series = {
      'ringmaster_operations_total{ring="0",operation="read"}': '0+60x20',
      'ringmaster_operations_total{ring="1",operation="fsync"}': '0+60x20',
      'ringmaster_operations_total{ring="0",operation="recv"}': '0+6000x20',
      'ringmaster_operation_device_errors_total{ring="0",operation="read"}': '0+6x20',
      'ringmaster_operation_device_errors_total{ring="0",operation="fsync"}': '0x20',
      'ringmaster_operation_device_errors_total{ring="1",operation="read"}': '0x20',
      'ringmaster_operation_device_errors_total{ring="1",operation="fsync"}': '0x20',
    }
    const name = 'instance:ringmaster_operation_device_errors:ratio_rate5m'
    expect(testExpressions(series, '15m', { [name]: [{ labels: name, value: 0.05 }] })).toBe('')
  })

  it('have quantiles of all rings together, from classic buckets where there is nothing better', () => {
    const bucket = (ring: number, le: string, values: string): Record<string, string> => ({
      [`ringmaster_operation_kernel_seconds_bucket{ring="${ring}",operation="read",le="${le}"}`]: values,
    })
    const series = {
      ...bucket(0, '0.0625', '0+60x20'),
      ...bucket(0, '0.125', '0+60x20'),
      ...bucket(0, '+Inf', '0+60x20'),
      ...bucket(1, '0.0625', '0x20'),
      ...bucket(1, '0.125', '0+60x20'),
      ...bucket(1, '+Inf', '0+60x20'),
    }
    expect(
      testExpressions(series, '15m', {
        'instance_operation:ringmaster_operation_kernel_seconds:p50_rate5m': [
          {
            labels: 'instance_operation:ringmaster_operation_kernel_seconds:p50_rate5m{operation="read"}',
            value: 0.0625,
          },
        ],
        'instance_operation:ringmaster_operation_kernel_seconds:p99_rate5m': [
          {
            labels: 'instance_operation:ringmaster_operation_kernel_seconds:p99_rate5m{operation="read"}',
            value: 0.12375,
          },
        ],
      }),
    ).toBe('')
  })

  it('are named level:metric:operations, and take labels away instead of choosing some', () => {
    for (const { record, expr } of rules) {
      if (record !== undefined) expect(record).toMatch(/^instance(_[a-z]+)?:ringmaster_[a-z_]+:[a-z0-9_]+$/)
      expect(expr).not.toMatch(/\bby\s*\(/)
    }
  })
})
