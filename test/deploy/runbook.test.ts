// Who is woken by an alert finds its section in the runbook, with the same severity, and each section is of an alert that there is.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { deviceErrors } from '../../metrics/device-errors.ts'
import { rules } from './prometheus/promtool.ts'

const runbook = readFileSync(fileURLToPath(new URL('../../deploy/RUNBOOK.md', import.meta.url)), 'utf8')
const sections = new Map(
  runbook
    .split(/^## /m)
    .slice(1)
    .map((text): [string, string] => [text.split('\n', 1)[0]!, text]),
)
const alerts = rules.flatMap(({ alert, labels }) => (alert === undefined ? [] : [{ alert, labels }]))

describe('the runbook', () => {
  it('has a section for each alert, and for nothing else', () => {
    expect([...sections.keys()].sort()).toEqual(alerts.map(({ alert }) => alert).sort())
  })

  it.each(alerts.map(({ alert, labels }) => [alert, labels?.['severity'] ?? ''] as const))(
    '%s: what it means, where to look, what to do, when to leave it',
    (alert, severity) => {
      const section = sections.get(alert) ?? ''
      expect(section).toContain(`*${severity}.*`)
      for (const part of ['Where to look', 'What to do', 'When to leave it']) expect(section).toContain(`**${part}`)
    },
  )

  it('has commands that a shell accepts, and that save what they say', () => {
    const commands = [
      ...runbook.matchAll(/`((?:cat|curl|for|grep|ls|ringmaster|systemctl|journalctl|df|du|dmesg) [^`]*)`/g),
    ]
    expect(commands.length).toBeGreaterThan(40)
    for (const [, command] of commands) {
      const { status, stderr } = spawnSync('bash', ['-n', '-c', command!], { encoding: 'utf8' })
      expect(status, `${command}: ${stderr}`).toBe(0)
      // It writes a file of its own choice, not to stdout.
      if (command!.startsWith('ringmaster trace')) expect(command).toMatch(/ --output \S+$/)
    }
  })

  it('names the codes that count as errors of the device, all of them', () => {
    const [, listed = ''] = /`ringmaster_operation_device_errors_total`: (E[^:]*), except/.exec(
      sections.get('RingmasterDeviceErrors') ?? '',
    )!
    expect(listed.match(/E[A-Z]+/g)).toEqual(deviceErrors.map(({ name }) => name))
  })

  it('names no source file: the package that it comes with has none', () => {
    expect(runbook).not.toMatch(/\w\.ts\b/)
  })

  it('names alerts that there are', () => {
    const known = new Set(alerts.map(({ alert }) => alert))
    for (const [name] of runbook.matchAll(/\bRingmaster[A-Z]\w+/g)) expect(known, name).toContain(name)
  })
})
