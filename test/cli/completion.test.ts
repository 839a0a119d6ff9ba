// Tab: what is offered against what --help says, and the scripts in the shells they are for, in a real terminal (tmux), key by key.
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { candidates } from '../../services/cli/completion-words.ts'
import { createProgram } from '../../services/cli/program.ts'
import { temporaryFolder } from '../services/harness.ts'
import { Tmux, tmuxMissing } from '../top/tmux.ts'
import { commandLine, exitCode, runCommand, spawnCommand } from './command.ts'

const program = createProgram()

/** What is offered after `line`: its last word is the one at the cursor. Paths as <file>, <directory>, <any>. */
const offered = (line: string): string[] =>
  candidates(program, line.split(' ')).map((found) =>
    found.kind === 'word' ? found.text : `${found.prefix}<${found.type}>`,
  )

const names = program.commands.map((command) => command.name()).filter((name) => name !== 'complete-words')

describe('offered is', () => {
  it('every command that --help lists', async () => {
    const { stdout } = await runCommand('--help')
    const listed = [...stdout.split('Commands:')[1]!.matchAll(/^ {2}([\w-]+)/gm)].map(([, name]) => name)
    expect(listed).toContain('tune')
    expect(offered('')).toEqual(listed.filter((name) => !/^\d+$/.test(name!)))
    expect(offered('help ')).toEqual(offered(''))
    expect(offered('tu')).toEqual(['tune'])
    expect(offered('nonsense ')).toEqual([])
  })

  it.each(names)('every option of %s that its --help lists, with its choices', async (name) => {
    const { stdout } = await runCommand(name, '--help')
    const [, options = ''] = /\nOptions:\n([^]*?)\n\n/.exec(stdout) ?? []
    const rows = options.split(/\n(?= {2}-)/).map((row) => row.replace(/\s+/g, ' '))
    const flags = rows.map((row) => /--[\w-]+/.exec(row)?.[0])
    expect(flags).toContain('--help')
    expect(offered(`${name} --`)).toEqual(flags)
    for (const [at, row] of rows.entries()) {
      const choices = /\(choices: ([^)]*?)(?:, default|\))/.exec(row)?.[1]
      if (choices !== undefined)
        expect(offered(`${name} ${flags[at]} `)).toEqual(choices.split(', ').map((word) => word.slice(1, -1)))
    }
  })

  it('a path where one is due: a new placeholder says whether it is one', () => {
    const free = ['address', 'bytes', 'level', 'ms', 'number', 'quota', 'seconds', 'url', 'command', 'shell']
    const choices = ['format', 'name', 'names', 'poller', 'right', 'state', 'way', 'workload']
    const placeholders = program.commands.flatMap((command) => [
      ...command.options.flatMap(({ flags }) => /[<[]([\w-]+)/.exec(flags)?.[1] ?? []),
      ...command.registeredArguments.map((argument) => argument.name().toLowerCase()),
    ])
    const known = [...free, ...choices, 'file', 'folder', 'path', 'root', 'words']
    expect(placeholders).toContain('file')
    expect(placeholders.filter((placeholder) => !known.includes(placeholder))).toEqual([])
  })

  it.each<[string, string[]]>([
    ['tune ', ['<any>']],
    ['serve ', ['<directory>']],
    ['bench --data-dir ', ['<directory>']],
    ['tune --html ', ['<file>']],
    ['tune --html=re', ['--html=<file>']],
    ['serve --profile ', ['auto', '<file>']],
    ['tune --p99-ms ', ['any']],
    ['tune --seed ', []],
    ['tune --workload=se', ['--workload=sequential-read']],
    ['tune --workload random-read --workl', []],
    ['tune --workload=random-read --workl', []],
    ['tune --knobs poller,ri', ['poller,rings']],
    ['tune --knobs=poller,rings,po', []],
    ['bench --workloads mixed,s', ['mixed,sequential-read', 'mixed,small-files']],
    ['tune --seed 7 ', ['<any>']],
    ['tune -- ', ['<any>']],
    ['tune -- --s', ['<any>']],
    ['completion ', ['bash', 'zsh', 'fish']],
    ['tune --no-such-option ', ['<any>']],
    ['--ver', ['--version']],
  ])('after `%s`: %j', (line, expected) => {
    expect(offered(line)).toEqual(expected)
  })

  it('every option, where there is nothing else to say', () => {
    expect(offered('trace ')).toEqual(offered('trace --'))
    expect(offered('tune data ')).toEqual(offered('tune --'))
  })
})

describe('the command', () => {
  it.each<[string[], RegExp]>([
    [['completion'], /missing required argument 'shell'/],
    [['completion', 'tcsh'], /'tcsh' is invalid.*bash, zsh, fish/],
  ])('%j is wrong usage', async (args, message) => {
    const { code, stdout, stderr } = await runCommand(...args)
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toMatch(message)
  })

  it('looks nothing up: the addon is not loaded, and words are no options', async () => {
    const loaded = async (...args: string[]): Promise<[string, string]> => {
      const says = 'process.on("exit",()=>process.stderr.write(String(process.report.getReport().sharedObjects)))'
      const child = spawnCommand(args, { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(says)}` })
      const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), exitCode(child)])
      return [stdout, stderr]
    }
    const addon = /\.node\b/
    expect((await loaded('operations'))[1]).toMatch(addon)
    const [stdout, stderr] = await loaded('complete-words', 'fish', '--', 'tune', '--help')
    expect(stdout).toBe('--help\tdisplay help for command\n')
    expect(stderr).not.toMatch(addon)
    expect(stderr).toContain('libc')
  })
})

/** How each is started without the user's settings, and what it needs to complete at all. */
const shells = {
  bash: { start: 'PS1="READY " bash --norc --noprofile -i', prepare: 'true' },
  zsh: { start: 'PS1="READY " zsh -f -i', prepare: 'autoload -Uz compinit && compinit -D' },
  fish: { start: `fish --no-config -C 'function fish_prompt; printf "READY "; end'`, prepare: 'true' },
} as const

const folder = temporaryFolder()
const bin = join(folder.path, 'bin')
const work = join(folder.path, 'work')

/** Puts a `ringmaster` on the PATH of the shells, as npm's link does. */
function installed(script: string): void {
  writeFileSync(join(bin, 'ringmaster'), `#!/bin/sh\n${script}\n`)
  chmodSync(join(bin, 'ringmaster'), 0o755)
}

beforeAll(() => {
  mkdirSync(bin)
  mkdirSync(join(work, 'my photos'), { recursive: true })
  writeFileSync(join(work, 'report one.html'), '')
})
afterAll(() => {
  folder.remove()
})

describe.each(Object.keys(shells) as (keyof typeof shells)[])('in %s', (shell) => {
  const missing = spawnSync(shell, ['--version']).status !== 0 ? shell : tmuxMissing ? 'tmux' : null
  const why = missing === null ? '' : ` (skipped: there is no ${missing}: apt install ${missing})`

  it.skipIf(missing !== null)(
    `Tab completes what is typed, runs none of it, and prints nothing else${why}`,
    async () => {
      installed(`exec ${commandLine().join(' ')} "$@"`)
      using terminal = new Tmux(100, 30)
      await terminal.shows(/READY$/m)
      const { start, prepare } = shells[shell]
      terminal.type(`clear; cd ${work}; PATH=${bin}:$PATH ${start}`)
      await terminal.shows(/^READY$/m)
      const load = shell === 'fish' ? 'ringmaster completion fish | source' : `source <(ringmaster completion ${shell})`
      // Twice, as when a user tries it and has it in a file, too.
      terminal.type(`${prepare}; ${load}; ${load}; clear; echo LOADED`)
      expect((await terminal.shows(/^LOADED\nREADY$/m)).join('\n').trim()).toBe('LOADED\nREADY')

      const tab = async (typed: string, becomes: string): Promise<void> => {
        terminal.keys('C-u')
        terminal.keys('-l', typed)
        terminal.keys('Tab')
        await terminal.shows(new RegExp(`^READY ${becomes.replace(/[\\$()]/g, '\\$&')}$`, 'm'))
      }
      await tab('ringmaster tu', 'ringmaster tune')
      await tab('ringmaster tune --workload=se', 'ringmaster tune --workload=sequential-read')
      await tab('ringmaster tune --knobs poller,ri', 'ringmaster tune --knobs poller,rings')
      await tab('ringmaster bench my', 'ringmaster bench my\\ photos/')
      await tab('ringmaster tune --html=rep', 'ringmaster tune --html=report\\ one.html')
      const typed = shell === 'fish' ? '(touch pwned)' : '$(touch pwned)'
      await tab(`ringmaster bench ${typed} --rou`, `ringmaster bench ${typed} --rounds`)
      expect(existsSync(join(work, 'pwned'))).toBe(false)

      // Several: none is chosen, all are shown; bash does at the second Tab.
      terminal.keys('C-u')
      terminal.keys('-l', 'ringmaster t')
      terminal.keys('Tab', ...(shell === 'bash' ? ['Tab'] : []))
      await terminal.shows(/^READY ringmaster t\n(?:[^]*\n)?top\b[^]*\btrace\b[^]*\btune\b/m)

      // One that fails, loudly: a Tab says nothing.
      terminal.keys('C-c')
      installed('echo BROKEN >&2; exit 1')
      terminal.keys('C-u')
      terminal.keys('-l', 'ringmaster tu')
      terminal.keys('Tab')
      terminal.keys('-l', 'X')
      expect((await terminal.shows(/^READY ringmaster tuX$/m)).join('\n')).not.toContain('BROKEN')
    },
  )
})
