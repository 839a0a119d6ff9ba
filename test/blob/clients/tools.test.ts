// Programs that store and read files by plain HTTP, as `raw` has them: ccache and rclone.
import { execFile, spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, describe, expect, it } from 'vitest'
import { parseTokens } from '../../../services/blob/access.ts'
import { patternBytes } from '../../http/clients.ts'
import { temporaryFolder } from '../../services/harness.ts'
import { startObjects } from '../objects.ts'

const folder = temporaryFolder()
afterAll(() => {
  folder.remove()
})
const token = 'read-write-token-0123456789'
const tokens = parseTokens(`read-write ${token}`)
const run = promisify(execFile)
const isMissing = (command: string): boolean => spawnSync(command, ['--version']).error !== undefined
const titleOf = (command: string): string =>
  isMissing(command) ? `${command} (skipped: there is none: apt install ${command})` : command

describe.skipIf(isMissing('ccache') || isMissing('cc'))(titleOf('ccache'), () => {
  it('compiles once, and then takes the object file from here', async () => {
    await using service = await startObjects({ tokens })
    const source = join(folder.path, 'program.c')
    writeFileSync(source, 'int main(void) { return 42; }\n')
    const env = {
      PATH: process.env['PATH'],
      HOME: folder.path,
      CCACHE_CONFIGPATH: '/dev/null',
      CCACHE_DIR: join(folder.path, 'local'),
      CCACHE_REMOTE_STORAGE: `http://127.0.0.1:${service.port}/b/ccache|bearer-token=${token}`,
    }
    const object = join(folder.path, 'program.o')
    const compile = async (): Promise<{ object: Buffer; hits: number; errors: number }> => {
      rmSync(env.CCACHE_DIR, { recursive: true, force: true })
      rmSync(object, { force: true })
      await run('ccache', ['cc', '-c', source, '-o', object], { env })
      const { stdout } = await run('ccache', ['--print-stats'], { env })
      const count = (name: string): number => Number(new RegExp(`^${name}\\t(\\d+)$`, 'm').exec(stdout)?.[1])
      return { object: readFileSync(object), hits: count('remote_storage_hit'), errors: count('remote_storage_error') }
    }
    const first = await compile()
    expect([first.hits, first.errors]).toEqual([0, 0])
    expect(readdirSync(join(service.root, 'ccache'), { recursive: true }).length).toBeGreaterThan(0)
    const second = await compile()
    expect([second.hits, second.errors, second.object.equals(first.object)]).toEqual([1, 0, true])
  })
})

describe.skipIf(isMissing('rclone'))(titleOf('rclone'), () => {
  it('lists and copies a tree, whatever files are called', async () => {
    await using service = await startObjects({ tokens })
    const names = ['plain', 'name with ä & % ?#<"x', "it's", 'a:b', '+plus', '.hidden', 'deep/er/file', 'deep/other']
    for (const name of names) {
      mkdirSync(join(service.root, 'tree', name, '..'), { recursive: true })
      writeFileSync(join(service.root, 'tree', name), `content of ${name}`)
    }
    const large = patternBytes(5_000_000)
    writeFileSync(join(service.root, 'tree/large'), large)
    mkdirSync(join(service.root, 'wide'))
    for (let index = 0; index < 1200; index++) writeFileSync(join(service.root, 'wide', `${index}`), '')
    // Its http backend reads pages of links, and asks for them where it is told to.
    const rclone = async (...args: string[]): Promise<string> => {
      const headers = `Authorization,Bearer ${token},Accept,text/html`
      const to = ['--http-url', `http://127.0.0.1:${service.port}/b/`, '--http-headers', headers]
      return (
        await run('rclone', ['--config', '/dev/null', ...to, ...args], {
          env: { PATH: process.env['PATH'], HOME: folder.path },
        })
      ).stdout
    }
    const listed = await rclone('lsf', '-R', '--files-only', ':http:tree')
    expect(listed.trimEnd().split('\n').sort()).toEqual([...names, 'large'].sort())
    const wide = await rclone('lsf', '--http-no-head', ':http:wide/')
    expect(wide.trimEnd().split('\n').length).toBe(1200) // more than a page of names elsewhere
    const copy = join(folder.path, 'copy')
    await rclone('copy', ':http:tree', copy)
    for (const name of names) expect(readFileSync(join(copy, name), 'utf8')).toBe(`content of ${name}`)
    expect(readFileSync(join(copy, 'large')).equals(large)).toBe(true)
    expect(spawnSync('diff', ['-r', join(service.root, 'tree'), copy]).status).toBe(0)
  })
})
