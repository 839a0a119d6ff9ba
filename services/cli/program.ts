// Puts the commands together, and turns every way they can end into an exit code. Called by main.ts.
import { Command, CommanderError } from 'commander'
import { benchCommand } from './bench.ts'
import { completeWordsCommand, completionCommand } from './completion.ts'
import { doctorCommand } from './doctor.ts'
import { CommandError, exitCodes, exitCodesHelp, lackOfDescriptors } from './exit.ts'
import { helpWidth, wrapHelp } from './help-width.ts'
import { neutraliseLines } from '../visible-text.ts'
import { LostOutput } from './lost-output.ts'
import { operationsCommand } from './operations.ts'
import { serveCommand } from './serve.ts'
import { topCommand } from './top.ts'
import { traceCommand } from './trace.ts'
import { tuneCommand } from './tune.ts'
import { readVersion } from './version.ts'

/** One file per command; the order of `ringmaster --help`. */
const commands: readonly Command[] = [
  serveCommand(),
  doctorCommand(),
  tuneCommand(),
  benchCommand(),
  topCommand(),
  operationsCommand(),
  traceCommand(),
  completionCommand(),
]

/** If something still holds the process when its work is done, it has this long to let go. */
const lingerMsMax = 2_000

/** All of it, before anything is parsed. Exported for tests. */
export function createProgram(): Command {
  const program = new Command('ringmaster')
    .description('File I/O through Linux io_uring: rings in shared memory, polled off the main thread.')
    .version(readVersion())
    .addHelpText('after', '\nEach command has its own help with examples: ringmaster serve --help')
    .addHelpText('after', exitCodesHelp)
  for (const command of commands) program.addCommand(command)
  const hidden = completeWordsCommand()
  program.addCommand(hidden, { hidden: true })
  for (const each of [program, ...commands, hidden]) {
    each
      .exitOverride()
      .showHelpAfterError(`(${fullName(each)} --help explains)`)
      .configureOutput({
        getOutHelpWidth: () => helpWidth(process.stdout),
        getErrHelpWidth: () => helpWidth(process.stderr),
        writeErr: (text) => void process.stderr.write(neutraliseLines(text)),
        writeOut: (text) => void process.stdout.write(wrapHelp(text, helpWidth(process.stdout))),
      })
  }
  return program
}

function fullName(command: Command): string {
  return command.parent === null ? command.name() : `${fullName(command.parent)} ${command.name()}`
}

/** Exit code for what a command threw; says it on stderr unless commander has done so already. */
function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage
  if (error instanceof CommandError) {
    process.stderr.write(`ringmaster: ${neutraliseLines(error.message)}\n`)
    return error.exitCode
  }
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error)
  process.stderr.write(`ringmaster: ${lackOfDescriptors(error) ?? neutraliseLines(stack)}\n`)
  return exitCodes.failure
}

/** Does what the command line says; sets the exit code. */
export async function run(): Promise<void> {
  const output = new LostOutput(process)
  const program = createProgram()
  // `ringmaster serve | head -1` closes our stdout; the files are still wanted by others.
  program.hook('preAction', (_program, command) => {
    if (command.name() === 'serve') output.forgive()
  })
  try {
    await program.parseAsync()
  } catch (error) {
    process.exitCode = report(error)
    if (error instanceof CommandError) output.forgive()
  }
  setTimeout(() => process.exit(), lingerMsMax).unref()
}
