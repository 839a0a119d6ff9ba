// What README promises about errors and versions is what the sources and package.json say.
import { readFileSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const readme = readFileSync(`${root}/README.md`, 'utf8')

it('README names every error of our own, and none that there is not', () => {
  const thrown = new Set<string>()
  for (const folder of ['native', 'workers', 'services', 'metrics'])
    for (const file of readdirSync(`${root}/${folder}`, { recursive: true, encoding: 'utf8' })) {
      if (!file.endsWith('.ts')) continue
      const source = readFileSync(`${root}/${folder}/${file}`, 'utf8')
      for (const [, code] of source.matchAll(/'(ERR_RING_\w+)'/g)) thrown.add(code!)
    }
  const table = readme.slice(readme.indexOf('### Errors'), readme.indexOf('## `ringmaster serve'))
  const told = new Set([...table.matchAll(/`(ERR_RING_\w+)`/g)].map(([, code]) => code!))
  expect(thrown.size).toBeGreaterThan(10)
  expect([...told].sort()).toEqual([...thrown].sort())
})

it('README, CONTRIBUTING and package.json want the same Node', () => {
  const { engines } = JSON.parse(readFileSync(`${root}/package.json`, 'utf8')) as { engines: { node: string } }
  const wanted = `Node ${engines.node.replace('>=', '')} or later`
  expect(readme).toContain(wanted)
  expect(readFileSync(`${root}/CONTRIBUTING.md`, 'utf8')).toContain(wanted)
})
