// What may stand next on a command line, read off the definitions of the commands: who adds a command or an option adds nothing here. Used by
// completion.ts; knows nothing of shells.
import type { Argument, Command, Option } from 'commander'
import { hintsOf } from './value-hints.ts'

export type Candidate =
  | { readonly kind: 'word'; readonly text: string; readonly description: string }
  /** Files that a shell finds itself; `prefix` is what stands before the path in the same word: `--html=`. */
  | { readonly kind: 'path'; readonly type: PathType; readonly prefix: string }

type PathType = 'file' | 'directory' | 'any'

/** What placeholders of options and arguments that take a path are called: `<file>`, `<folder>`, `[PATH]`. */
const pathTypes: Readonly<Record<string, PathType>> = {
  file: 'file',
  folder: 'directory',
  root: 'directory',
  path: 'any',
}

/** `words`: what stands after `ringmaster`; the last one is the one to complete, up to the cursor, and may be empty. */
export function candidates(program: Command, words: readonly string[]): Candidate[] {
  const current = words.at(-1) ?? ''
  const place = placeAfter(program, words.slice(0, -1))
  return candidatesAt(place, current).filter((found) => found.kind === 'path' || found.text.startsWith(current))
}

interface Place {
  readonly program: Command
  readonly command: Command
  readonly operands: number
  /** What has been said and need not be offered again. */
  readonly given: ReadonlySet<Option>
  /** The option whose value comes next. */
  readonly awaited: Option | null
  /** `--` has been said. */
  readonly isOperandsOnly: boolean
}

function placeAfter(program: Command, words: readonly string[]): Place {
  let command = program
  let operands = 0
  let awaited: Option | null = null
  let isOperandsOnly = false
  const given = new Set<Option>()
  for (const word of words) {
    if (awaited !== null) awaited = null
    else if (isOperandsOnly) operands++
    else if (word === '--') isOperandsOnly = true
    else if (word.startsWith('-')) {
      const [name, value] = splitOption(word)
      const option = optionsOf(command).find(({ long, short }) => name === long || name === short)
      if (option === undefined) continue
      given.add(option)
      if (value === null && option.required) awaited = option
    } else {
      const subcommand = commandsOf(command).find((each) => each.name() === word)
      if (subcommand === undefined) operands++
      else [command, operands] = [subcommand, 0]
    }
  }
  return { program, command, operands, given, awaited, isOperandsOnly }
}

/** `--name=value`; null where there is no `=`. */
function splitOption(word: string): [string, string | null] {
  const end = word.indexOf('=')
  return end === -1 ? [word, null] : [word.slice(0, end), word.slice(end + 1)]
}

function candidatesAt(place: Place, current: string): Candidate[] {
  const { program, command, operands, awaited, given, isOperandsOnly } = place
  if (awaited !== null) return valuesOf(awaited, current, '')
  if (current.startsWith('-') && !isOperandsOnly) {
    const [name, value] = splitOption(current)
    if (value === null) return options(command, given)
    const option = optionsOf(command).find(({ long }) => name === long)
    return option === undefined ? [] : valuesOf(option, value, `${name}=`)
  }
  const subcommands = commandsOf(command)
  if (subcommands.length > 0) return operands === 0 ? subcommands.map(wordOf) : []
  const argument =
    command.registeredArguments[operands] ?? command.registeredArguments.findLast((each) => each.variadic)
  const found = argument === undefined ? [] : operandsOf(argument, program)
  // Where nothing else can come, what can is shown at once.
  return found.length > 0 || isOperandsOnly ? found : options(command, given)
}

const optionsOf = (command: Command): readonly Option[] => command.createHelp().visibleOptions(command)
const commandsOf = (command: Command): readonly Command[] => command.createHelp().visibleCommands(command)

const wordOf = (command: Command): Candidate => ({
  kind: 'word',
  text: command.name(),
  description: command.summary() || command.description(),
})

function options(command: Command, given: ReadonlySet<Option>): Candidate[] {
  return optionsOf(command)
    .filter((option) => option.variadic || !given.has(option))
    .map(({ long, short, description }) => ({ kind: 'word', text: long ?? short ?? '', description }))
}

function valuesOf(option: Option, current: string, prefix: string): Candidate[] {
  const { words, isList } = hintsOf(option)
  const placeholder = /[<[](.+?)(?:\.\.\.)?[>\]]/.exec(option.flags)?.[1]
  const said = isList ? current.split(',').slice(0, -1) : []
  const before = prefix + said.map((word) => `${word},`).join('')
  return [
    ...words
      .filter((word) => !said.includes(word))
      .map((word): Candidate => ({ kind: 'word', text: before + word, description: '' })),
    ...paths(placeholder, prefix),
  ]
}

function operandsOf(argument: Argument, program: Command): Candidate[] {
  // Of `ringmaster help`, which commander makes itself.
  if (argument.name() === 'command') return commandsOf(program).map(wordOf)
  const choices = argument.argChoices ?? []
  return [...choices.map((text): Candidate => ({ kind: 'word', text, description: '' })), ...paths(argument.name(), '')]
}

function paths(placeholder: string | undefined, prefix: string): Candidate[] {
  const type = pathTypes[placeholder?.toLowerCase() ?? '']
  return type === undefined ? [] : [{ kind: 'path', type, prefix }]
}
