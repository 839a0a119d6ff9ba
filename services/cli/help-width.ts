// Help that fits the terminal. Commands write theirs with lines as long as in the sources; commander wraps its own part, and this all of it. Used by
// program.ts.

/** Longer lines are hard to read, and shorter ones look torn. */
const widthMax = 100
/** Of a pipe or a file. */
const widthUsual = 80
/** A second column that is narrower becomes a line of its own. */
const columnMin = 24
const deeper = 6

export const helpWidth = (stream: NodeJS.WriteStream): number =>
  Math.min(widthMax, stream.isTTY ? stream.columns || widthUsual : widthUsual)

interface Block {
  /** What stands before the text in its first line, with its indentation. */
  readonly head: string
  /** Column of the text; its other lines begin there, too. */
  readonly column: number
  text: string
  readonly isCommand: boolean
}

/** `text` with lines of at most `width`: paragraphs and second columns are wrapped anew; commands stay whole, so that they can be copied. */
export function wrapHelp(text: string, width: number): string {
  const blocks: Block[] = []
  for (const line of text.split('\n')) {
    const block = blocks.at(-1)
    if (block !== undefined && continues(block, line)) block.text += ` ${line.trim()}`
    else blocks.push(blockOf(line))
  }
  return blocks.flatMap((block) => linesOf(block, width)).join('\n')
}

/** Whether `line` is the next one of `block`: paragraphs and second columns have several, other indented text is kept as it is. */
function continues({ head, column, text, isCommand }: Block, line: string): boolean {
  if (line.trim() === '' || text === '' || isCommand || text.endsWith(':')) return false
  const indent = line.length - line.trimStart().length
  return indent === column && !line.startsWith('$ ', indent) && (indent === 0 || head.trim() !== '')
}

function blockOf(line: string): Block {
  const [, head = '', text = ''] = /^( +\S.*?\S? {2,})(?=\S)(.*)$/.exec(line) ?? []
  const isCommand = /^ *\$ /.test(line)
  if (head !== '') return { head, column: head.length, text, isCommand: isCommand || text.startsWith('$ ') }
  const column = line.length - line.trimStart().length
  return { head: line.slice(0, column), column, text: line.slice(column), isCommand }
}

function linesOf({ head, column, text, isCommand }: Block, width: number): string[] {
  if (column + text.length <= width) return [head + text]
  // Of a command, what is after it.
  if (isCommand && (head.trim() === '' || text.startsWith('$ '))) return [head + text]
  if (head.trim() === '' || width - column >= columnMin) {
    const [first = '', ...others] = wrap(text, width - column)
    return [head + first, ...others.map((line) => ' '.repeat(column) + line)]
  }
  return [head.trimEnd(), ...wrap(text, width - deeper).map((line) => ' '.repeat(deeper) + line)]
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line]
}
