// What a value may be, beyond what commander's own choices say: used by the definitions of commands, read by completion-words.ts.
import { InvalidArgumentError, Option } from 'commander'

interface Hints {
  readonly words: readonly string[]
  /** Several of them, separated by commas. */
  readonly isList: boolean
}

/** By option and not in a table of names: a second list would be forgotten. */
const hints = new WeakMap<Option, Hints>()

/** An option whose value is some of `items`, separated by commas, each once. */
export function listOption<Item extends string>(flags: string, description: string, items: readonly Item[]): Option {
  const option = new Option(flags, description).argParser((text) => parseList(text, items))
  hints.set(option, { words: items, isList: true })
  return option
}

function parseList<Item extends string>(text: string, items: readonly Item[]): Item[] {
  const given = text.split(',').map((word) => {
    const found = items.find((item) => item === word.trim())
    if (found === undefined)
      throw new InvalidArgumentError(`There is no ${word.trim() || 'empty one'}; there are ${items.join(', ')}.`)
    return found
  })
  return [...new Set(given)]
}

/** Words that `option` takes beside what its placeholder says: `auto` beside a path, `any` beside a number. */
export function alsoTakes(option: Option, words: readonly string[]): Option {
  hints.set(option, { words, isList: false })
  return option
}

export function hintsOf(option: Option): Hints {
  return hints.get(option) ?? { words: option.argChoices ?? [], isList: false }
}
