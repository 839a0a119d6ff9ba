// What a crash leaves is removed, and nothing else: no file that is still written, nothing that a link leads to, nothing with another name.
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { afterAll, beforeEach, expect, it } from 'vitest'
import { Keeper } from '../../services/blob/keeper.ts'
import { walkTree } from '../../services/blob/tree-walk.ts'
import { temporaryFolder } from '../services/harness.ts'

const folder = temporaryFolder()
afterAll(() => {
  folder.remove()
})
let root: string
let count = 0
const lines: string[] = []
const line = (_: object, message: string): void => void lines.push(message)
const log = { debug: line, info: line, warn: line, error: line }
const name = (digit: number): string => `.ringmaster-${String(digit).padStart(16, '0')}.tmp`
beforeEach(() => {
  root = join(folder.path, String(count++))
  mkdirSync(join(root, 'a/b/c'), { recursive: true })
  lines.length = 0
})

it('removes what nobody writes any more, at every depth', async () => {
  const left = [name(1), `a/${name(2)}`, `a/b/c/${name(3)}`].map((path) => join(root, path))
  const kept = ['object', 'a/.ringmaster-short.tmp', `a/b/${name(4)}.txt`].map((path) => join(root, path))
  for (const path of [...left, ...kept]) writeFileSync(path, 'content')
  await new Keeper(root, log).done
  expect(left.filter(existsSync)).toEqual([])
  expect(kept.filter(existsSync)).toEqual(kept)
  expect(lines).toEqual(['the root has been looked through for temporary files of a crash'])
})

it('leaves alone what this process, or another one, still writes', async () => {
  const mine = join(root, name(1))
  const fd = openSync(mine, 'w')
  const theirs = join(root, name(2))
  const child = spawn('sh', ['-c', 'exec 3>"$0"; echo open; read _', theirs], { stdio: ['pipe', 'pipe', 'inherit'] })
  await once(child.stdout, 'data')
  await new Keeper(root, log).done
  expect([existsSync(mine), existsSync(theirs)]).toEqual([true, true])
  closeSync(fd)
  child.stdin.end('\n')
  await once(child, 'exit')
  await new Keeper(root, log).done
  expect([existsSync(mine), existsSync(theirs)]).toEqual([false, false])
})

it('follows no link, and removes none', async () => {
  const outside = join(folder.path, 'outside')
  mkdirSync(outside)
  writeFileSync(join(outside, name(1)), 'not ours')
  symlinkSync(outside, join(root, 'a/link'))
  symlinkSync(join(outside, name(1)), join(root, name(2)))
  symlinkSync('..', join(root, 'a/up'))
  await new Keeper(root, log).done
  expect(readFileSync(join(outside, name(1)), 'utf8')).toBe('not ours')
  expect(existsSync(join(root, name(2)))).toBe(true)
  rmSync(outside, { recursive: true })
})

it('stops when it is told to', async () => {
  for (let index = 0; index < 500; index++) writeFileSync(join(root, name(index)), '')
  const keeper = new Keeper(root, log)
  await keeper.stop()
  expect(existsSync(join(root, name(499))) || existsSync(join(root, name(0)))).toBe(true)
})

it('a walk finds each file once, with bytes that are no UTF-8, and goes on where a folder is gone', async () => {
  const odd = Buffer.concat([Buffer.from(`${root}/a/`), Buffer.from([0xff, 0xfe])])
  writeFileSync(odd, 'odd')
  writeFileSync(join(root, 'a/b/c/deep'), 'deep')
  writeFileSync(join(root, 'top'), 'top')
  const errors: string[] = []
  const found: string[] = []
  const options = { signal: new AbortController().signal, onError: (path: string) => void errors.push(path) }
  for await (const { path } of walkTree(root, options)) {
    found.push(path)
    // `a` is not open yet when the root's own files are told.
    if (path === 'top') renameSync(join(root, 'a/b'), join(root, 'a/moved'))
  }
  expect(found.sort()).toEqual(['a/moved/c/deep', 'a/ÿþ', 'top'])
  expect(errors).toEqual([])
})
