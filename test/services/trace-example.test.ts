// The example of the README under "Traces": runs as it is printed there, and prints what it says.
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { temporaryFolder } from './harness.ts'

it('prints what its comments say', () => {
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8')
  const example = /^## Traces$[^]*?^```js\n([^]*?)^```$/m.exec(readme)![1]!
  const folder = temporaryFolder()
  const entry = new URL('../../dist/services/index.js', import.meta.url).href
  writeFileSync(join(folder.path, 'example.mjs'), example.replace("'ringmaster'", `'${entry}'`))
  writeFileSync(join(folder.path, 'notes.txt'), 'some notes')
  const printed = execFileSync(process.execPath, ['example.mjs'], { cwd: folder.path, encoding: 'utf8' })
  const said = [...example.matchAll(/^\/\/ (.*\n)/gm)].map(([, line]) => line).join('')
  expect(said).not.toBe('')
  expect(printed).toBe(said)
  folder.remove()
})
