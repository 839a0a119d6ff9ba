// The report where there are too few descriptors to load what looks at the rest: started by services/cli/few-descriptors.ts in a process of its own,
// since Node.js remembers for good which modules it could not read. It needs a handful of modules, and reads nothing else.
import { readVersion } from '../cli/version.ts'
import { readText } from '../machine/text.ts'
import { checkNode } from './checks/runtime.ts'
import { doctorExitCodes, overall } from './finding.ts'
import type { Finding } from './finding.ts'
import { descriptorsFix } from './fixes.ts'
import { readSurroundings } from './surroundings.ts'
import { formatFindings } from './table.ts'

const [need = '', ...args] = process.argv.slice(2)
const limit = /^Max open files +(\d+)/m.exec(readText('/', 'proc/self/limits'))?.[1]
const descriptors: Finding = {
  id: 'layout.descriptors',
  title: 'file descriptors',
  need: `${need} for this command`,
  have: limit === undefined ? 'too few' : `${limit} (RLIMIT_NOFILE)`,
  verdict: 'broken',
  why: 'Node.js reads the modules of a command at once, each with a descriptor, and has run out of them (EMFILE): nothing else could be looked at',
  fix: descriptorsFix(readSurroundings(), Number(need)),
}
const findings = [checkNode(), descriptors]
const options = args.slice(0, args.includes('--') ? args.indexOf('--') : args.length)
const verdict = overall(findings)
// Who has closed the pipe wants no more of it.
process.stdout.on('error', () => undefined)
process.stdout.write(
  options.includes('--json')
    ? `${JSON.stringify({ version: readVersion(), verdict, findings }, null, 2)}\n`
    : formatFindings(findings, {
        detail: options.includes('--quiet') ? 'quiet' : options.includes('--verbose') ? 'verbose' : 'usual',
        columns: process.stdout.columns || 120,
        hasColor: false,
      }),
)
process.exitCode = doctorExitCodes[verdict]
