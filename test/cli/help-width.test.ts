// Help wrapped to a width: what is prose is, and what is copied is not.
import { expect, it } from 'vitest'
import { wrapHelp } from '../../services/cli/help-width.ts'

it.each<[string, string, string]>([
  ['paragraphs, whatever their lines in the source', 'one two three\nfour five', 'one two\nthree four\nfive'],
  ['paragraphs apart', 'one two\n\nthree', 'one two\n\nthree'],
  ['headings, which stay alone', 'Examples:\n  $ ringmaster', 'Examples:\n  $ ringmaster'],
  [
    'second columns, below themselves',
    '  0  done as was asked for\n     and more so\n  1  failed',
    '  0  done as was asked for and\n     more so\n  1  failed',
  ],
  [
    'second columns without room, on lines of their own',
    '  --a-long-option <value>  what it does',
    '  --a-long-option <value>\n      what it does',
  ],
  ['commands, whole', '  $ ringmaster tune --workload small-files', '  $ ringmaster tune --workload small-files'],
  [
    'what is said of a command, after it',
    '  $ ringmaster tune --quick  half a minute',
    '  $ ringmaster tune --quick\n      half a minute',
  ],
  ['lines of a script, each for itself', '  a=1\n  b=2', '  a=1\n  b=2'],
])('%s', (title, given, wrapped) => {
  const width = title.startsWith('paragraphs,') ? 10 : 30
  expect(wrapHelp(given, width)).toBe(wrapped)
  expect(wrapHelp(wrapped, width)).toBe(wrapped)
})
