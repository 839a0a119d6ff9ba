// The catalogue as a whole keeps the rules that Prometheus has for names, so that a copied row cannot break them.

import { describe, expect, it } from 'vitest'
import { catalog, collectorFailures, type MetricRow, scrapeDuration } from '../../metrics/catalog.ts'
import { errorName } from '../../metrics/error-name.ts'

const names = [...catalog.map(({ name }) => name), scrapeDuration.name, collectorFailures.name]
const rows = catalog.map((row): [string, MetricRow] => [row.name, row])

describe('the catalogue', () => {
  it('names no metric twice, nor like a part of a histogram or a counter', () => {
    const families = names.map((name) => name.replace(/_total$/, ''))
    expect(new Set(families).size).toBe(families.length)
    for (const name of families) expect(name).not.toMatch(/_(bucket|sum|count|created)$/)
  })

  it.each(rows)('%s is named by the rules', (name, { type, unit, labels, help }) => {
    expect(name).toMatch(/^ringmaster_[a-z]+(_[a-z]+)*$/)
    expect(name.endsWith('_total')).toBe(type === 'counter')
    const stem = name.replace(/_total$/, '')
    if (unit === 'seconds' || unit === 'bytes') expect(stem.endsWith(`_${unit}`)).toBe(true)
    else expect(stem).not.toMatch(/_(seconds|bytes|ns|ms|milliseconds|kb|percent)$/)
    expect(labels[0]).toBe('ring')
    expect(new Set(labels).size).toBe(labels.length)
    for (const label of labels) expect(['type', 'le', 'service', 'env', 'stage', 'zone', 'job']).not.toContain(label)
    expect(help).toMatch(/^[A-Z].*\.$/)
  })
})

describe('error names', () => {
  it.each([
    [1, 'EPERM'],
    [2, 'ENOENT'],
    [11, 'EAGAIN'],
    [22, 'EINVAL'],
    [28, 'ENOSPC'],
    [62, 'ETIME'],
    [117, 'EUCLEAN'],
    [125, 'ECANCELED'],
    [133, 'EHWPOISON'],
    [0, 'other'],
    [15, 'ERRNO_15'],
  ])('%d is %s', (errno, name) => {
    expect(errorName(errno)).toBe(name)
  })
})
