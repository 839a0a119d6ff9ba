// What is generated in deploy/ is what its sources give: dashboards, and the chart's copies of rules and dashboards. `npm run generate`
// runs this file with --update, which writes them.
import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { dashboardFiles } from '../../deploy/grafana/dashboards.ts'
import { ruleFiles } from './prometheus/promtool.ts'

const deploy = fileURLToPath(new URL('../../deploy/', import.meta.url))
const copies = join(deploy, 'helm', 'ringmaster', 'files')
const ruleNames = ruleFiles.map((path) => basename(path))

describe('generated files', () => {
  it.each(Object.keys(dashboardFiles))('%s is what deploy/grafana gives, in the chart, too', async (name) => {
    await expect(dashboardFiles[name]).toMatchFileSnapshot(join(deploy, 'grafana', 'dashboards', name))
    await expect(dashboardFiles[name]).toMatchFileSnapshot(join(copies, 'dashboards', name))
  })

  it.each(ruleNames)('%s is the same in the chart', async (name) => {
    const rules = readFileSync(join(deploy, 'prometheus', name), 'utf8')
    await expect(rules).toMatchFileSnapshot(join(copies, 'rules', name))
  })

  it('there are no others', () => {
    expect(readdirSync(join(deploy, 'grafana', 'dashboards')).sort()).toEqual(Object.keys(dashboardFiles).sort())
    expect(readdirSync(join(copies, 'dashboards')).sort()).toEqual(Object.keys(dashboardFiles).sort())
    expect(readdirSync(join(copies, 'rules')).sort()).toEqual([...ruleNames].sort())
  })
})
