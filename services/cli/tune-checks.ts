// What is wrong with a command line of `ringmaster tune`, or with the machine for it, said before anything is made or measured. Called by tune.ts.
import { access, constants, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { knobs } from '../tune/knobs.ts'
import type { Inspected, MachineRequest } from '../tune/real-machine.ts'
import { CommandError, exitCodes } from './exit.ts'
import { emptyHtml } from './named-path.ts'
import type { TuneCommandOptions, TuneWorld } from './tune-options.ts'

/** Of --quick. */
export const quickSeconds = 30

/** What would be of no effect is said, and not done without. @throws CommandError */
export function checkUsage(
  { apply, force, quick, html }: TuneCommandOptions,
  isGiven: (name: string) => boolean,
): void {
  const misuse = (message: string): CommandError => new CommandError(message, exitCodes.usage)
  if (html === '') throw misuse(emptyHtml)
  if (apply !== true && isGiven('profile'))
    throw misuse('--profile FILE is where --apply writes the layout to: add --apply, or leave out --profile')
  if (apply !== true && force === true) throw misuse('--force is for --apply: add --apply, or leave out --force')
  if (quick === true && isGiven('budgetSeconds'))
    throw misuse(`--quick is --budget-seconds ${quickSeconds}: leave out one of the two`)
}

/** @throws CommandError where a knob is asked for that the workload does not have */
export function checkKnobs({ workload, knobs: asked }: TuneCommandOptions): void {
  const has = knobs.filter(({ workloads }) => workloads.includes(workload)).map(({ name }) => name)
  const lacking = asked?.filter((name) => !has.includes(name)) ?? []
  if (lacking.length > 0)
    throw new CommandError(
      `${workload} does not have the knob ${lacking.join(', ')}; it has ${has.join(', ')}`,
      exitCodes.usage,
    )
}

/** Where io_uring is denied, and where nothing can be turned, is said before anything is made. @throws CommandError */
export async function checkTurnable(
  { machine, current }: Inspected,
  { workload, knobs: asked, quiet, dryRun: isDry }: TuneCommandOptions,
  { stderr }: TuneWorld,
): Promise<void> {
  const { deniedWarning, isAnythingLeft, turnableKnobs } = await import('../tune/turnable.ts')
  const request = { workload, machine, current, knobs: asked ?? null }
  const warning = deniedWarning(machine)
  if (!isAnythingLeft(request)) {
    const idle = turnableKnobs(request).map(({ knob, idle }) => `${knob.name}: ${idle ?? 'it has one value here'}`)
    const why = [...idle, ...(warning === null ? [] : [warning])].join('; ')
    throw new CommandError(`nothing is left to turn here: ${why}. Name other --knobs, or none`, exitCodes.failure)
  }
  // The plan has it among the rest.
  if (warning !== null && quiet !== true && isDry !== true) stderr.write(`warning: ${warning}\n`)
}

/** What would only be found out when all is measured is found out before. */
export async function checkPaths({ path, dataFolder }: MachineRequest, { html }: TuneCommandOptions): Promise<void> {
  const refuse = (message: string) => (error: unknown) => {
    const reason = error instanceof Error ? error.message : String(error)
    throw new CommandError(`${message}: ${reason}`, exitCodes.failure, { cause: error })
  }
  if (path === null)
    // With the slash: it has to be a folder.
    await access(join(dataFolder, '/'), constants.W_OK).catch(
      refuse(`cannot make data in ${dataFolder}; choose another folder with --data-dir`),
    )
  else
    await access(path, constants.R_OK).catch(
      refuse(`cannot read ${path}; name a file or folder, or none for data of its own`),
    )
  if (html === undefined) return
  const folder = dirname(resolve(html))
  const read = path === null ? null : await stat(path)
  const found = await stat(html).catch(() => null)
  if (found?.isDirectory() === true) refuse(`cannot write ${html}; name a file`)('it is a folder')
  // Your files are read, never written.
  if (found !== null && found.ino === read?.ino && found.dev === read.dev)
    refuse(`cannot write ${html}; choose another file with --html`)('it is what is read')
  await access(found === null ? folder : html, constants.W_OK).catch(
    refuse(`cannot write ${html}; choose another file with --html`),
  )
}
