// A small monorepo for tests of caches: two packages, one needs the other, and a build that says how often it really ran. Used by the tests of
// turbo and nx, which are to leave alone everything but the folder that is made here.
import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { temporaryFolder } from '../../services/harness.ts'

export const packages = ['lib', 'app'] as const

export interface Monorepo {
  readonly root: string
  /** What the builds have left, the same for the same build only. */
  outputs(): string[]
  /** Removes those, and what a tool has kept in the root and in packages. */
  clean(...kept: string[]): void
  /** How many builds of packages there were. */
  builds(): number
  /** Runs a command in the folder, and says what it printed. Rejects where it fails. */
  run(command: string, args: readonly string[], env: Readonly<Record<string, string>>): Promise<string>
  remove(): void
}

const build = `import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs'
mkdirSync('dist', { recursive: true })
writeFileSync('dist/output', String(Math.random()).repeat(1000))
appendFileSync('../../../builds', '.')
console.log('built')
`

/** `files`: what the tool needs in the root, by name. */
export function makeMonorepo(files: Readonly<Record<string, object>>): Monorepo {
  const folder = temporaryFolder()
  const root = join(folder.path, 'repository')
  const home = join(folder.path, 'home')
  for (const path of [root, home]) mkdirSync(path)
  const write = (name: string, value: object): void => {
    writeFileSync(join(root, name), JSON.stringify(value))
  }
  write('package.json', { name: 'root', private: true, packageManager: 'npm@10.0.0', workspaces: ['packages/*'] })
  for (const [name, value] of Object.entries(files)) write(name, value)
  for (const name of packages) {
    mkdirSync(join(root, 'packages', name), { recursive: true })
    const dependencies = name === 'app' ? { lib: '1.0.0' } : {}
    write(`packages/${name}/package.json`, {
      name,
      version: '1.0.0',
      scripts: { build: 'node build.mjs' },
      dependencies,
    })
    writeFileSync(join(root, 'packages', name, 'build.mjs'), build)
  }
  const output = (name: string): string => join(root, 'packages', name, 'dist/output')
  return {
    root,
    outputs: () => packages.map((name) => readFileSync(output(name), 'utf8')),
    clean: (...kept) => {
      const folders = [root, ...packages.map((name) => join(root, 'packages', name))]
      for (const folder of folders)
        for (const name of ['dist', ...kept]) rmSync(join(folder, name), { recursive: true, force: true })
    },
    builds: () => (existsSync(join(folder.path, 'builds')) ? readFileSync(join(folder.path, 'builds')).length : 0),
    run: async (command, args, env) => {
      // Nothing of this process's own settings, of proxies or of CI; and nobody is to ask the registry whether npm is new.
      const usual = {
        PATH: [dirname(process.execPath), process.env['PATH']].join(delimiter),
        HOME: home,
        TMPDIR: folder.path,
      }
      const quiet = {
        npm_config_update_notifier: 'false',
        npm_config_offline: 'true',
        DO_NOT_TRACK: '1',
        NO_COLOR: '1',
      }
      const { stdout, stderr } = await promisify(execFile)(command, args, {
        cwd: root,
        env: { ...usual, ...quiet, ...env },
      })
      return stdout + stderr
    },
    remove: () => {
      folder.remove()
    },
  }
}
