// The import rules bite: a small tree that breaks each of them once is reported in full, and what is allowed is not.
import { spawnSync } from 'node:child_process'
import * as fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'

const root = path.resolve(import.meta.dirname, '../..')
const cruiser = path.join(root, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs')
const config = path.join(root, '.dependency-cruiser.cjs')

/** Each file with what it imports, and the rules that must report it. */
const tree: Record<string, { imports: string[]; broken: string[] }> = {
  'native/base.ts': { imports: [], broken: [] },
  'native/upward.ts': { imports: ['../workers/base.ts'], broken: ['native-imports'] },
  'native/counted.ts': { imports: ['../metrics/base.ts'], broken: ['native-imports'] },
  'metrics/base.ts': { imports: [], broken: [] },
  'metrics/downward.ts': { imports: ['../native/base.ts'], broken: ['metrics-imports'] },
  'workers/base.ts': { imports: ['../native/base.ts', '../metrics/base.ts'], broken: [] },
  'workers/upward.ts': { imports: ['../services/base.ts'], broken: ['workers-imports'] },
  'services/base.ts': { imports: ['../native/base.ts', '../workers/base.ts', '../metrics/base.ts'], broken: [] },
  'services/tested.ts': { imports: ['../test/helper.ts'], broken: ['services-imports'] },
  'services/deployed.ts': { imports: ['../deploy/settings.ts'], broken: ['services-imports'] },
  'services/ping.ts': { imports: ['./pong.ts'], broken: ['no-circular'] },
  // A cycle is reported once, where the cruiser closes it.
  'services/pong.ts': { imports: ['./ping.ts'], broken: [] },
  'services/development.ts': { imports: ['for-development'], broken: ['no-dev-dependencies'] },
  'services/production.ts': { imports: ['for-production'], broken: [] },
  'services/unlisted.ts': { imports: ['nobody-listed'], broken: ['no-unlisted'] },
  'services/broken.ts': { imports: ['./absent.ts'], broken: ['no-unresolvable'] },
  'services/orphan.ts': { imports: [], broken: ['no-orphans'] },
  'test/helper.ts': { imports: ['../services/base.ts', '../deploy/settings.ts', 'for-development'], broken: [] },
  'test/bench/measure.ts': { imports: ['for-development'], broken: ['no-dev-dependencies'] },
  'deploy/settings.ts': { imports: [], broken: [] },
  'deploy/inward.ts': { imports: ['../services/base.ts'], broken: ['deploy-imports'] },
}

interface Report {
  summary: { violations: { from: string; rule: { name: string } }[] }
}

let broken: Map<string, string[]>
let directory: string

beforeAll(() => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'ringmaster-imports-'))
  const write = (file: string, text: string): void => {
    const whole = path.join(directory, file)
    fs.mkdirSync(path.dirname(whole), { recursive: true })
    fs.writeFileSync(whole, text)
  }
  for (const [file, { imports }] of Object.entries(tree)) {
    write(
      file,
      `${imports.map((name, index) => `import { value as value${index} } from '${name}'\n`).join('')}export const value = 1\n`,
    )
  }
  write('tsconfig.json', '{}')
  write(
    'package.json',
    '{"type":"module","dependencies":{"for-production":"1"},"devDependencies":{"for-development":"1"}}',
  )
  for (const name of ['for-production', 'for-development', 'nobody-listed']) {
    write(`node_modules/${name}/package.json`, `{"name":"${name}","version":"1.0.0","main":"index.js"}`)
    write(`node_modules/${name}/index.js`, 'exports.value = 1\n')
  }

  const folders = ['services', 'workers', 'native', 'metrics', 'deploy', 'test']
  const { stdout, stderr } = spawnSync(
    process.execPath,
    [cruiser, '--config', config, '--output-type', 'json', ...folders],
    {
      cwd: directory,
      encoding: 'utf8',
    },
  )
  expect(stderr).toBe('')
  broken = new Map()
  for (const { from, rule } of (JSON.parse(stdout) as Report).summary.violations) {
    broken.set(from, [...(broken.get(from) ?? []), rule.name])
  }
})

afterAll(() => {
  fs.rmSync(directory, { recursive: true, force: true })
})

for (const [file, expected] of Object.entries(tree)) {
  const verdict = expected.broken.length > 0 ? `breaks ${expected.broken.join(', ')}` : 'is in order'
  test(`${file}, which imports ${expected.imports.join(', ') || 'nothing'}, ${verdict}`, () => {
    expect((broken.get(file) ?? []).sort()).toEqual(expected.broken)
  })
}
