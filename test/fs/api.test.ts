// `ringmaster/fs` is a drop-in for node:fs/promises: the same exports, the same class, a way for each function that the documentation names, and rings
// that nobody has to know of.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import * as own from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import * as ours from '../../services/fs/index.ts'
import { functionWays, handleWays } from '../../services/fs/ways.ts'
import type { Way } from '../../services/fs/ways.ts'
import { Ringmaster } from '../../services/ringmaster.ts'
import { temporaryFolder, withoutAddon } from '../services/harness.ts'

const folder = temporaryFolder()
afterAll(() => {
  folder.remove()
})
const root = resolve(import.meta.dirname, '../..')
const further = ['closeRings', 'createFs', 'startRings', 'useRings']
/** Not in every Node. */
const newer = ['glob', 'mkdtempDisposable']
const namesOf = (object: object): string[] => Object.keys(object).sort()

describe('its exports', () => {
  it('are those of node:fs/promises, and four', () => {
    const here = namesOf(ours).filter((name) => Reflect.get(ours, name) !== undefined)
    expect(here.filter((name) => !further.includes(name))).toEqual(namesOf(own))
    expect(namesOf(ours).filter((name) => !(name in own))).toEqual(
      [...further, ...newer.filter((name) => !(name in own))].sort(),
    )
  })

  it('are in its default export, without the four', () => {
    expect(namesOf(ours.default)).toEqual(namesOf(Reflect.get(own, 'default') as object))
    expect(ours.default.stat).toBe(ours.stat)
    expect(ours.constants).toBe(own.constants)
  })

  it('have the names of functions', () => {
    expect(ours.stat.name).toBe('stat')
    expect(ours.writeFile.name).toBe('writeFile')
  })
})

describe('the table of ways', () => {
  it('has every function of node:fs/promises', () => {
    const functions = namesOf(own).filter((name) => !['constants', 'default'].includes(name))
    expect(namesOf(functionWays).filter((name) => !newer.includes(name) || name in own)).toEqual(functions)
  })

  it('has every method of a FileHandle', async () => {
    const handle = await own.open('/')
    await handle.close()
    const methods = [...Object.getOwnPropertyNames(Object.getPrototypeOf(handle)), 'close']
    expect(methods.filter((name) => !['constructor', 'fd'].includes(name)).sort()).toEqual(namesOf(handleWays))
  })

  it('says what is Node’s own', () => {
    const same = namesOf(functionWays).filter(
      (name) => name in own && Reflect.get(ours, name) === Reflect.get(own, name),
    )
    expect(same).toEqual(namesOf(own).filter((name) => functionWays[name] === 'node'))
  })

  it('is README’s', () => {
    const rows = readFileSync(join(root, 'README.md'), 'utf8').split('\n')
    for (const [title, ways] of [
      ['functions', functionWays],
      ['`FileHandle`', handleWays],
    ] as const) {
      const cells = rows
        .find((row) => row.startsWith(`| ${title} |`))!
        .split('|')
        .slice(2, 5)
      const said = cells.map((cell) => [...cell.matchAll(/`(\w+)`/g)].map(([, name]) => name).sort())
      const meant = (['ring', 'part', 'node'] satisfies Way[]).map((way) =>
        namesOf(ways).filter((name) => ways[name] === way),
      )
      expect(said).toEqual(meant)
    }
  })
})

describe('rings that start by themselves', () => {
  it.each(['', 'await fs.startRings();'])('do not keep a program alive, nor change what it says (%s)', (first) => {
    const module = join(root, 'dist/services/fs/index.js')
    const program = `import * as fs from ${JSON.stringify(module)};
      ${first}
      await fs.writeFile(${JSON.stringify(join(folder.path, 'said'))}, 'said');
      const handle = await fs.open(${JSON.stringify(join(folder.path, 'said'))});
      console.log(await handle.readFile('utf8'), await fs.stat('/nowhere').catch(({ code }) => code));`
    const said = execFileSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' })
    expect(said).toBe('said ENOENT\n')
  })
})

describe.skipIf(withoutAddon)('on rings of a program', () => {
  it('files are opened, read and counted by them, and stay usable when they are closed', async () => {
    const rings = await Ringmaster.start({ rings: 1 })
    const fs = ours.createFs(rings)
    await using first = await fs.open(join(folder.path, 'file'), 'w+')
    await using second = await fs.open(join(folder.path, 'file'), 'r+')
    expect(rings.stats().files.opened).toBe(1) // the first is Node's, and shows what a FileHandle is
    expect(second.constructor).toBe(first.constructor)
    expect(second).toBeInstanceOf(Object.getPrototypeOf(first.constructor) as new () => object)
    await second.write('written')
    await rings.close()
    expect(await first.readFile('utf8')).toBe('written')
    await second.write(' and more')
    expect(await fs.readFile(join(folder.path, 'file'), 'utf8')).toBe('written and more')
  })

  it('more calls than the queues have room for wait', async () => {
    await using rings = await Ringmaster.start({ rings: 1, backlogMax: 16 })
    const fs = ours.createFs(rings)
    const path = join(folder.path, 'busy')
    await fs.writeFile(path, 'busy')
    const all = await Promise.all(Array.from({ length: 3000 }, () => fs.stat(path)))
    expect(all.every(({ size }) => size === 4)).toBe(true)
    const files = await Promise.all(Array.from({ length: 500 }, () => fs.readFile(path, 'utf8')))
    expect(new Set(files)).toEqual(new Set(['busy']))
  })
})
