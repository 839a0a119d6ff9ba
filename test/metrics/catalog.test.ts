// All planes together keep the rules that Prometheus has for names (prometheus.io/docs/practices/naming), so that a copied row cannot break them.
import { describe, expect, it } from 'vitest'
import { errorName } from '../../metrics/error-name.ts'
import { otherValue } from '../../metrics/plane.ts'
import { allPlanes } from './planes.ts'

const planes = await allPlanes()
const rows = planes.flatMap((plane) => plane.rows.map((row) => [row.name, row, plane] as const))

/** What a server or a service discovery adds to every series (prometheus.io/docs/instrumenting/writing_exporters). */
const labelsOfTargets = [
  'job',
  'instance',
  'host',
  'service',
  'env',
  'environment',
  'stage',
  'zone',
  'region',
  'cluster',
]
const labelsReserved = ['type', 'le', 'quantile']
/** Units that are not base units, and words that say a number is a ratio of a hundred. */
const wrongUnits =
  /_(ns|us|ms|milliseconds|microseconds|nanoseconds|minutes|hours|days|kb|mb|kib|mib|kilobytes|megabytes|bits|percent|percentage)(_|$)/

describe('the planes', () => {
  it('are found, those of other folders than metrics/ among them', () => {
    expect(planes.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['rings', 'files', 'memory', 'exporter', 'http']),
    )
    expect(new Set(planes.map(({ name }) => name)).size).toBe(planes.length)
  })

  it('name no metric twice, nor like a part of a histogram or a counter', () => {
    const families = rows.map(([name]) => name.replace(/_total$/, ''))
    expect(new Set(families).size).toBe(families.length)
    for (const name of families) expect(name).not.toMatch(/_(bucket|sum|count|created)$/)
    for (const plane of planes) expect(families, 'a collector that fails is named once').not.toContain(plane.name)
  })

  it.each(rows)('%s is named by the rules', (name, { type, unit, labels, help }, { subjectLabels, labelRules }) => {
    expect(name).toMatch(/^ringmaster_[a-z]+(_[a-z]+)*$/)
    expect(name.endsWith('_total')).toBe(type === 'counter')
    const stem = name.replace(/_total$/, '')
    expect(stem).not.toMatch(/_total(_|$)/)
    expect(stem).not.toMatch(wrongUnits)
    const suffixes = {
      seconds: '_seconds',
      bytes: '_bytes',
      timestamp: '_timestamp_seconds',
      count: '',
      boolean: '',
      info: '',
    }
    expect(stem.endsWith(suffixes[unit])).toBe(true)
    if (suffixes[unit] === '') expect(stem).not.toMatch(/_(seconds|bytes)$/)
    if (unit === 'seconds') expect(stem).not.toMatch(/_timestamp_seconds$/)
    if (stem.endsWith('_info')) expect(unit).toBe('info')
    if (unit === 'info' || unit === 'boolean' || unit === 'timestamp') expect(type).toBe('gauge')
    const all = [...subjectLabels, ...labels]
    expect(new Set(all).size).toBe(all.length)
    for (const label of all) {
      expect(label).toMatch(/^[a-z]+(_[a-z]+)*$/)
      expect([...labelsOfTargets, ...labelsReserved]).not.toContain(label)
      // The name says what is counted, and labels what it is counted by.
      expect(name.split('_').slice(1)).not.toEqual([label])
      expect(labelRules[label], `a rule for the label ${label}`).toBeDefined()
    }
    expect(help).toMatch(/^[A-Z].*[^.]\.$/s)
    expect(help).not.toMatch(/\n|\bTODO\b/)
  })

  it.each(planes.map((plane) => [plane.name, plane] as const))(
    '%s has a bound for every label, and for no other',
    (_, { rows: own, subjectLabels, labelRules }) => {
      const used = new Set([...subjectLabels, ...own.flatMap(({ labels }) => labels)])
      for (const [label, { values, max }] of Object.entries(labelRules)) {
        expect(used, `a rule that no row needs`).toContain(label)
        expect(Number.isInteger(max) && max >= 1 && max <= 10_000, `${label}: ${max}`).toBe(true)
        if (values === undefined) continue
        expect(new Set(values).size).toBe(max)
        expect(values).not.toContain(otherValue)
        for (const value of values) expect(value).toMatch(/^[\w-]+$/)
      }
    },
  )
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
