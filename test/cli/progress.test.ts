// Where a command is, on a terminal: a line that is written anew; whole lines where that cannot be (TERM=dumb); nothing where there is no terminal.
/* eslint-disable no-control-regex -- what moves the cursor is what is looked for */
import { afterEach, describe, expect, it, vi } from 'vitest'
import { showProgress } from '../../services/cli/progress.ts'
import { showSteps } from '../../services/cli/step-progress.ts'
import { canRedraw, hasColor } from '../../services/cli/terminal.ts'
import type { ProgressStream } from '../../services/cli/terminal.ts'

afterEach(() => {
  vi.unstubAllEnvs()
})

/** What a stream is sent. */
function shown(isTTY: boolean, show: (stream: ProgressStream) => void): string {
  let text = ''
  show({ isTTY, columns: 80, write: (part: string) => (text += part) })
  return text
}

const steps = (stream: ProgressStream): void => {
  using progress = showSteps(stream, 2, 10)
  progress.step('first')
  progress.step('second')
}
const bar = (stream: ProgressStream): void => {
  showProgress(stream, 'recording', 5).done()
}

describe.each([
  ['steps', steps, /first\r\u001b\[K█{10}.*second\r\u001b\[K$/, /^1\/2, .* left: first\n2\/2, .* left: second\n$/],
  ['a bar', bar, /recording .*0\.0 of 5 s\r\u001b\[K$/, /^recording, 5 s\n$/],
] as const)('%s', (_, show, drawn, plain) => {
  it('are a line that is written anew, and removed', () => {
    vi.stubEnv('TERM', 'xterm')
    expect(shown(true, show)).toMatch(drawn)
  })

  it.each(['dumb', ''])('are whole lines on a terminal that cannot do that (TERM=%s)', (term) => {
    vi.stubEnv('TERM', term)
    expect(shown(true, show)).toMatch(plain)
  })

  it('are nothing elsewhere', () => {
    expect(shown(false, show)).toBe('')
  })
})

it.each([
  [true, 'xterm', '', true, true],
  [true, 'xterm', '1', true, false],
  [true, 'dumb', '', false, false],
  [false, 'xterm', '', false, false],
])('a terminal: %s, TERM=%s, NO_COLOR=%s: redrawn %s, coloured %s', (isTTY, term, noColor, redrawn, coloured) => {
  vi.stubEnv('TERM', term)
  vi.stubEnv('NO_COLOR', noColor)
  expect([canRedraw({ isTTY }), hasColor({ isTTY })]).toEqual([redrawn, coloured])
})
