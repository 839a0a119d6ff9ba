// Runs the tests of the addon with the addon compiled for sanitizers: `npm run test:sanitize [-- vitest's arguments]`.
// AddressSanitizer and UBSan; `-- --thread` takes ThreadSanitizer instead. Any finding, in any process started, fails the run.
import { execFileSync, spawnSync } from 'node:child_process'
import * as fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { buildAddon } from '../native/build-addon.mjs'

const sanitizers = {
  address: {
    sanitize: 'address,undefined',
    runtime: 'libasan.so',
    options: {
      // Node itself frees little at exit. WebAssembly memory traps on purpose: V8's own handler must see the signal first.
      ASAN_OPTIONS: 'detect_leaks=0:allow_user_segv_handler=1:use_sigaltstack=0:halt_on_error=1:exitcode=99',
      UBSAN_OPTIONS: 'print_stacktrace=1:halt_on_error=1:exitcode=99',
    },
  },
  thread: {
    sanitize: 'thread',
    runtime: 'libtsan.so',
    // Node is not compiled for it: what only Node does is not looked at, what the addon does is.
    options: { TSAN_OPTIONS: 'ignore_noninstrumented_modules=1:report_signal_unsafe=0:exitcode=99' },
  },
}

const given = process.argv.slice(2)
const { sanitize, runtime, options } = sanitizers[given.includes('--thread') ? 'thread' : 'address']
const selected = given.filter((argument) => argument !== '--thread')

const { file } = await buildAddon({ sanitize, keepWork: true })
const compiler = process.env.CXX ?? 'g++'
const library = execFileSync(compiler, [`-print-file-name=${runtime}`], { encoding: 'utf8' }).trim()
if (!path.isAbsolute(library)) throw new Error(`${compiler} has no ${runtime}: install its sanitizer libraries`)

// Reports go to files, so that one from a child process whose output nobody reads, or whose death a test expects, counts too.
const reports = fs.mkdtempSync(path.join(os.tmpdir(), 'ringmaster-sanitize-'))
const vitest = path.join(import.meta.dirname, '../node_modules/vitest/vitest.mjs')
const { status, signal } = spawnSync(
  process.execPath,
  [vitest, 'run', ...(selected.length > 0 ? selected : ['test/native'])],
  {
    stdio: 'inherit',
    env: {
      ...process.env,
      ...Object.fromEntries(
        Object.entries(options).map(([name, value]) => [name, `${value}:log_path=${reports}/report`]),
      ),
      LD_PRELOAD: library,
      RINGMASTER_ADDON: file,
    },
  },
)

const found = fs.readdirSync(reports).map((name) => fs.readFileSync(path.join(reports, name), 'utf8'))
fs.rmSync(reports, { recursive: true })
for (const report of found) console.error(report)
console.error(`${sanitize}: ${found.length === 0 ? 'nothing found' : `${found.length} report(s), see above`}`)
process.exitCode = found.length > 0 || status !== 0 || signal !== null ? 1 : 0
