// The command line before anything is started: help, version, and every way to use it wrongly.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { exitCode, runCommand, runCommandIn, spawnCommand } from './command.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'ringmaster-cli-'))
  writeFileSync(join(folder, 'file'), '')
})
afterAll(() => {
  rmSync(folder, { recursive: true })
})

it('--version is the version of the package', async () => {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string
  }
  expect(await runCommand('--version')).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' })
})

describe('--help', () => {
  it.each([[['--help']], [['serve', '--help']], [['help', 'serve']]])('%j explains, with exit codes', async (args) => {
    const { code, stdout, stderr } = await runCommand(...args)
    expect(stdout).toContain('Exit codes:')
    expect(stderr).toBe('')
    expect(code).toBe(0)
  })

  it('of a command shows examples and defaults', async () => {
    const { stdout } = await runCommand('serve', '--help')
    expect(stdout).toContain('Examples:')
    expect(stdout.replace(/\s+/g, ' ')).toContain('(default: 127.0.0.1:8080)')
    expect(stdout).toContain('SIGTERM')
    expect(stdout).toContain('--adapt')
    expect(stdout.replace(/\s+/g, ' ')).toContain(
      'the page of the rings (/), /metrics, /livez, /readyz, /trace and /traffic are',
    )
  })
})

describe('output', () => {
  it.each(['serve', 'doctor', 'tune', 'bench', 'top', 'operations', 'trace', 'completion'])(
    'the help of %s has examples and exit codes, and fits 80 columns but for commands to copy',
    async (name) => {
      const { stdout } = await runCommand(name, '--help')
      expect(stdout).toMatch(/^(Examples|Where to put it):$/m)
      expect(stdout).toMatch(/^Exit codes:\n {2}0 {4}\w/m)
      expect(stdout.split('\n').filter((line) => line.length > 80 && !line.startsWith('  $ '))).toEqual([])
    },
  )

  it.each([[['operations']], [['tune', '--help']], [['completion', 'zsh']]])(
    '%j: stdout that takes nothing is exit code 1 and a line; nobody who reads on is none',
    async (args) => {
      const ended = async (redirection: string): Promise<[number | null, string]> => {
        const child = spawnCommand(args, {}, ['bash', '-c', `"$@" ${redirection}; exit \${PIPESTATUS[0]}`, 'bash'])
        return Promise.all([exitCode(child), text(child.stderr)])
      }
      expect(await ended('> /dev/full')).toEqual([
        1,
        expect.stringMatching(/^ringmaster: cannot write to stdout: ENOSPC/),
      ])
      expect(await ended('| true')).toEqual([0, ''])
    },
  )
})

describe('wrong usage is exit code 2, with a message that names it', () => {
  it.each<[string[], RegExp]>([
    [['serve', '--no-such-option'], /unknown option '--no-such-option'[^]*serve --help/],
    [['no-such-command'], /unknown command 'no-such-command'/],
    [['serve', '.', 'extra'], /too many arguments/],
    [['serve', '--poller', 'magic'], /'magic' is invalid.*kernel, worker, caller/],
    [['serve', '--log-level', 'loud'], /'loud' is invalid/],
    [['serve', '--rings', '0'], /--rings.*from 1/],
    [['serve', '--rings', 'two'], /--rings/],
    [['serve', '--rings', '9999'], /rings/],
    [['serve', '--drain-seconds', '-1'], /--drain-seconds/],
    [['serve', '--drain-delay-seconds', '4000'], /--drain-delay-seconds.*from 0 to 3600/],
    [['serve', '--silence-seconds', '0'], /--silence-seconds.*from 1 to 3600/],
    [['serve', '--listen', 'nowhere'], /--listen.*HOST:PORT/],
    [['serve', '--listen', ':99999'], /at most 65535/],
    [['serve', '--listen', '0.0.0.0:0'], /refusing --listen 0\.0\.0\.0:0.*--public/],
    [['serve', '--admin', '[::]:0'], /refusing --admin \[::\]:0.*--public/],
    [['tune', '--html', ''], /--html is empty/],
    [['bench', '--html', ''], /--html is empty/],
    [['top', '--admin', 'http://127.0.0.1:9464/x'], /without a path/],
    // As a unit passes a variable that is empty.
    [['serve', ''], /ROOT is empty.*RINGMASTER_ROOT/],
    [['serve', '/', '--public'], /refusing ROOT \/ with --public/],
    [['serve', '/proc/self/root', '--public'], /refusing ROOT \/proc\/self\/root with --public/],
  ])('%j', async (args, message) => {
    const { code, stdout, stderr } = await runCommand(...args)
    expect(stderr).toMatch(message)
    expect(stderr).not.toMatch(/^ {4}at /m) // no stack traces
    expect(stdout).toBe('')
    expect(code).toBe(2)
  })

  it('a ROOT that is a file', async () => {
    const { code, stderr } = await runCommand('serve', join(folder, 'file'))
    expect(stderr).toMatch(/is not a directory/)
    expect(code).toBe(2)
  })

  it('no ROOT where the current folder is /, in which services are started', async () => {
    const { code, stdout, stderr } = await runCommandIn('/', 'serve', '--listen', ':0', '--admin', ':0')
    expect(stderr).toMatch(/the current folder is \/.*name ROOT/)
    expect(stdout).toBe('')
    expect(code).toBe(2)
  })

  it('no command at all shows the help', async () => {
    const { code, stderr } = await runCommand()
    expect(stderr).toContain('Usage: ringmaster')
    expect(code).toBe(2)
  })
})

it('a ROOT that does not exist is exit code 1: it may be mounted yet, and who started it may try again', async () => {
  const { code, stdout, stderr } = await runCommand('serve', '/no/such/folder')
  expect(stderr).toBe('ringmaster: ROOT /no/such/folder does not exist\n')
  expect(stdout).toBe('')
  expect(code).toBe(1)
})

it.each(['--listen', '--admin'])('%s with a port in use is exit code 1, and says which port', async (option) => {
  const other = createServer()
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
  const address = other.address()
  const port = address !== null && typeof address === 'object' ? address.port : 0
  const free = option === '--listen' ? '--admin' : '--listen'
  const { code, stdout, stderr } = await runCommand('serve', folder, option, `127.0.0.1:${port}`, free, '127.0.0.1:0')
  expect(stderr).toContain(`port ${port} on 127.0.0.1 is already in use`)
  expect(stderr).toContain(`${option} 127.0.0.1:0`)
  expect(stdout).toBe('')
  expect(code).toBe(1)
  other.close()
})

it.each([['bench'], ['tune', '--dry-run'], ['serve'], ['trace', '--bogus']])(
  'what %s is given does nothing to the terminal that an error is shown in',
  async (...args) => {
    const name = '\x1b[31m\u202ered'
    const { code, stderr } = await runCommand(...args, join(folder, name))
    expect(code).not.toBe(0)
    for (const raw of name.slice(0, 6).match(/[\p{Cc}\p{Cf}]/gu)!) expect(stderr).not.toContain(raw)
  },
)
