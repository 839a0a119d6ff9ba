// The table for people: what is shown at which detail, and that it fits.
import { describe, expect, it } from 'vitest'
import type { Finding, Verdict } from '../../services/doctor/finding.ts'
import { formatFindings } from '../../services/doctor/table.ts'

const finding = (id: string, verdict: Verdict, more: Partial<Finding> = {}): Finding => ({
  id,
  title: `of ${id}`,
  need: 'much',
  have: 'little',
  verdict,
  why: 'because it is so',
  fix: null,
  ...more,
})
const findings = [
  finding('rings.make', 'ok'),
  finding('kernel.operation.read', 'ok'),
  finding('kernel.operation.write', 'ok'),
  finding('kernel.operation.fsync', 'broken', { fix: 'another kernel' }),
  finding('cpu.clock', 'unknown'),
]
const plain = { detail: 'usual', columns: 100, hasColor: false } as const

describe('rows', () => {
  it('are all checks, but the kernel’s plain yeses are one', () => {
    const text = formatFindings(findings, plain)
    expect(text).toMatch(/^operations +those of files +2 supported +ok$/m)
    expect(text).not.toContain('of kernel.operation.read')
    expect(text).toMatch(/fsync +much +little +broken\n +why: because it is so\n +fix: another kernel\n/)
    expect(text).toMatch(/\n5 checks: broken \(1 broken, 1 unknown\)\. Exit code 2\.\n$/)
  })

  it('are what is not fine with --quiet, and only the sum where all is', () => {
    const text = formatFindings(findings, { ...plain, detail: 'quiet' })
    expect(text.match(/^of .*$/gm)?.map((line) => line.split(/\s+/)[1])).toEqual([
      'kernel.operation.fsync',
      'cpu.clock',
    ])
    expect(formatFindings([findings[0]!], { ...plain, detail: 'quiet' })).toBe('1 check: fine. Exit code 0.\n')
  })

  it('are everything, with reasons, with --verbose', () => {
    const text = formatFindings(findings, { ...plain, detail: 'verbose' })
    expect(text.match(/why: because it is so/g)?.length).toBe(findings.length)
  })
})

it.each([40, 80, 200])('lines of %d columns are no longer than that, or than 60', (columns) => {
  const long = finding('cpu.long', 'degraded', {
    have: 'word '.repeat(60),
    need: 'word '.repeat(20),
    why: 'word '.repeat(90),
  })
  const lines = formatFindings([long], { ...plain, columns }).split('\n')
  for (const line of lines) expect(line.length).toBeLessThanOrEqual(Math.max(60, columns))
})

it('where cells would be a word wide, what is needed and what there is stand below the check', () => {
  const text = formatFindings(findings, { ...plain, columns: 79 })
  expect(text).toMatch(/^Rings\nof rings\.make +ok\n {4}need: much\n {4}have: little\n/)
  expect(text).not.toContain('CHECK')
  expect(formatFindings(findings, { ...plain, columns: 80 })).toMatch(/^CHECK +NEED +HAVE +VERDICT\n/)
})

it('colours are for terminals alone, and on words alone', () => {
  const wrapped = finding('cpu.long', 'degraded', { have: 'word '.repeat(60) })
  const colored = formatFindings([wrapped], { ...plain, hasColor: true })
  // Node before 20.12 has none.
  if (colored.includes('\u001b')) expect(colored.split('\u001b[33m').length).toBe(2)
  expect(formatFindings([wrapped], plain)).not.toContain('\u001b')
})

it('names that would move the cursor do not', () => {
  const text = formatFindings(
    [finding('storage.path', 'broken', { have: '/tmp/a\u001b[2Jb\rc\u009b', why: 'x\u0007y' })],
    plain,
  )
  expect(text).toContain('/tmp/a\uFFFD[2Jb\uFFFDc\uFFFD')
  expect(text.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u)
})
