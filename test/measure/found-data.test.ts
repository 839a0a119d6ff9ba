// What a measurement finds to read of a user's: regular files with content whose names can be said, and in words what was left out.
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { findAt } from '../../services/measure/found-data.ts'
import { DataError } from '../../services/measure/own-data.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ringmaster-test-'))
})
afterEach(() => {
  rmSync(folder, { recursive: true })
})

const refusal = async (path: string): Promise<string> => {
  const error: unknown = await findAt(path, undefined).catch((error: unknown) => error)
  if (!(error instanceof DataError)) throw new Error(`no refusal of ${path}`)
  return error.message
}

it('files below a folder, each time in the same order; links and empty files are none', async () => {
  mkdirSync(join(folder, 'sub'))
  writeFileSync(join(folder, 'b'), 'xx')
  writeFileSync(join(folder, 'a'), 'x')
  writeFileSync(join(folder, 'ß'), 'x')
  writeFileSync(join(folder, 'empty'), '')
  writeFileSync(join(folder, 'sub', 'large'), 'x'.repeat((1 << 20) + 1))
  symlinkSync(join(folder, 'b'), join(folder, 'link'))
  symlinkSync('.', join(folder, 'loop'))
  const { file, smallFiles, description } = await findAt(folder, undefined)
  expect(file).toEqual({ path: join(folder, 'sub', 'large'), bytes: (1 << 20) + 1 })
  expect(smallFiles).toEqual(['a', 'b', 'ß'].map((name) => join(folder, name)))
  expect(description).not.toContain('left out')
})

it('names that are not UTF-8 are left out, and counted in a line', async () => {
  const raw = (name: number[]): Buffer => Buffer.concat([Buffer.from(`${folder}/`), Buffer.from(name)])
  writeFileSync(raw([0x61, 0xff]), 'x')
  expect(await refusal(folder)).toMatch(/no files with content below .* \(left out: 1 with a name that is not UTF-8\)/)
  mkdirSync(raw([0xfe]))
  writeFileSync(join(folder, 'good'), 'x')
  // A name that says U+FFFD itself is a name.
  writeFileSync(join(folder, '\ufffd'), 'x')
  const { smallFiles, description } = await findAt(folder, undefined)
  expect(smallFiles).toEqual(['good', '\ufffd'].map((name) => join(folder, name)))
  expect(description).toMatch(/; left out: 2 with a name that is not UTF-8$/)
  expect(await refusal(join(folder, 'a\ufffd'))).toMatch(/ENOENT.*make a link to it that has another/)
  symlinkSync(raw([0x61, 0xff]), join(folder, 'link'))
  expect((await findAt(join(folder, 'link'), undefined)).file?.bytes).toBe(1)
})

it('what the kernel makes up, what is empty and what is no file is refused with what to do', async () => {
  expect(await refusal('/proc')).toMatch(/is in proc, where the kernel makes up what is read: name a file/)
  expect(await refusal('/proc/self/status')).toContain('is in proc')
  expect(await refusal('/sys')).toContain('is in sysfs')
  expect(await refusal('/dev/null')).toContain('neither a file nor a folder')
  const empty = join(folder, 'empty')
  writeFileSync(empty, '')
  expect(await refusal(empty)).toContain('is empty: name a file with content')
})
