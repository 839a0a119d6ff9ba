// `ringmaster top` in a real terminal (tmux): what is on the screen at 80×24 and 200×60, what keys do, and that the terminal is given back as it
// was, whatever the end. Needs Debian's package tmux.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { widthOf } from '../../services/top/text.ts'
import { startDaemon, type Daemon } from '../cli/command.ts'
import { temporaryFolder } from '../services/harness.ts'
import { Tmux, tmuxMissing } from './tmux.ts'

const folder = temporaryFolder()
let daemon: Daemon
let load: NodeJS.Timeout
beforeAll(async () => {
  writeFileSync(join(folder.path, 'file.bin'), 'x'.repeat(1000))
  writeFileSync(join(folder.path, 'bad\u001b[2Jname'), 'x')
  daemon = await startDaemon(folder.path, ['--rings', '2', '--poller', 'caller'])
  const ask = async (path: string): Promise<void> => void (await (await fetch(daemon.filesUrl + path)).arrayBuffer())
  load = setInterval(() => {
    for (const path of ['file.bin', 'file.bin', 'bad%1B%5B2Jname', 'missing']) void ask(path).catch(() => undefined)
  }, 50)
})
afterAll(async () => {
  clearInterval(load)
  await daemon[Symbol.asyncDispose]()
  folder.remove()
})

const top = (): string[] => ['top', '--admin', daemon.adminUrl, '--interval', '0.3']
const given = 'alternate 0 cursor 1 wrap 1'
const taken = 'alternate 1 cursor 0 wrap 0'

/** After the end: the shell's screen, its cursor, its settings. */
async function isGivenBack(terminal: Tmux, code: number): Promise<void> {
  await terminal.shows(new RegExp(`^ENDED ${code}$`, 'm'))
  expect(terminal.flags()).toBe(given)
  const { before, after } = await terminal.settings()
  expect(after).toBe(before)
  expect(before).toMatch(/:/)
}

const title = tmuxMissing ? 'in a terminal (skipped: there is no tmux: apt install tmux)' : 'in a terminal'
describe.skipIf(tmuxMissing)(title, () => {
  it('80×24: rings, operations, files, clients; keys; resizing; q', async () => {
    using terminal = new Tmux(80, 24)
    await terminal.start(top())
    // A rate of files needs two answers.
    const screen = await terminal.shows(/^file\.bin +[1-9]/m)
    expect(terminal.flags()).toBe(taken)
    expect(screen).toHaveLength(24)
    const text = screen.join('\n')
    expect(screen[0]).toMatch(/^ringmaster \d\S* +pid \d+ on .* every 0\.3 s$/)
    expect(screen[1]).toMatch(/^ready +\S+ op\/s +\S+\/s +\S+ enter\/s +\S+ wake-ups\/s +\S+ errors\/s/)
    expect(screen[2]).toMatch(/^p50 p99: +queued +\S+s +\S+s +kernel +\S+s +\S+s +delivered +\S+s +\S+s$/)
    expect(text).toMatch(/^RING▲ POLLER SQ +CQ +INFL +OP\/S ENTER\/S WAKE\/S THREAD KER P50 KER P99 ERR\/S$/m)
    expect(text).toMatch(/^0\.1 +caller [█░]{5} [█░]{5} +\d+ +\S+ +\S+ +0 none +\S+s +\S+s +\S+$/m)
    expect(text).toMatch(/^OPERATION +SHARE +OP\/S▼ BYTES\/S/m)
    expect(text).toMatch(/^bad\\x1b\[2Jname +\S+/m)
    expect(text).toMatch(/^thread of Ringmaster\.start\(\) +thread/m)
    expect(screen[23]).toMatch(/^ q quit +\? help +space freeze +Tab view: all +←→ rings by RING▲ +r reverse$/)

    terminal.keys('Right')
    await terminal.shows(/^RING +POLLER▼/m)
    terminal.keys('r')
    await terminal.shows(/^RING +POLLER▲/m)
    terminal.keys('Tab')
    await terminal.shows(/Tab view: rings/)
    terminal.keys('BTab')
    await terminal.shows(/Tab view: all/)
    terminal.keys('3')
    expect((await terminal.shows(/Tab view: files/)).join('\n')).not.toMatch(/^OPERATION/m)
    terminal.keys('?')
    expect((await terminal.shows(/Columns of files/)).join('\n')).toMatch(/^q, Ctrl-C +quit$/m)
    terminal.keys('Escape')
    await terminal.shows(/^FILE +/m)
    terminal.keys('0', 'Space')
    const frozen = await terminal.shows(/FROZEN$/m)
    const before = await refreshes(2)
    expect(terminal.screen()).toEqual(frozen)
    expect(before).toBeGreaterThan(0)
    terminal.keys('Space')
    await terminal.shows(/every 0\.3 s$/m)

    terminal.resize(200, 60)
    const wide = await terminal.shows(/QUE P50 QUE P99 KER P50 KER P99 DEL P50 DEL P99/)
    expect(wide).toHaveLength(60)
    terminal.resize(40, 10)
    await terminal.shows(/^terminal too small:\n40×10 is less\nthan 60×12\nq quits\n/)
    terminal.resize(80, 24)
    await terminal.shows(/^RING +POLLER▲/m)
    terminal.keys('q')
    await isGivenBack(terminal, 0)
  })

  it('200×60: every column, bars with their shares, nothing beyond the edge', async () => {
    using terminal = new Tmux(200, 60)
    await terminal.start(top())
    const screen = await terminal.shows(/^file\.bin +[1-9]/m)
    const text = screen.join('\n')
    expect(text).toMatch(
      /^RING▲ POLLER +SQ +CQ +INFL +WAIT +OP\/S BYTES\/S ENTER\/S WAKE\/S THREAD USEFUL +CPU .* STATE +ADVICE$/m,
    )
    expect(text).toMatch(/^read +█+░+ +\d+% /m)
    expect(text).toMatch(/^127\.0\.0\.1 +http +\S+/m)
    for (const line of screen) expect(widthOf(line)).toBeLessThanOrEqual(200)
    terminal.keys('C-c')
    await isGivenBack(terminal, 0)
  })

  it.each([
    ['SIGTERM', 143],
    ['SIGINT', 130],
    ['SIGHUP', 143],
  ] as const)('%s gives the terminal back', async (signal, code) => {
    using terminal = new Tmux(80, 24)
    const pid = await terminal.start(top())
    await terminal.shows(/^RING/m)
    process.kill(pid, signal)
    await isGivenBack(terminal, code)
  })

  it('so does an exception, and what it says can be read', async () => {
    using terminal = new Tmux(80, 24)
    const thrown = 'data:text/javascript,setInterval(()=>{if(process.stdin.isRaw)throw(Error(`BOOM`))},1000)'
    await terminal.start(top(), `NODE_OPTIONS="--import=${thrown.replaceAll('`', '\\`')}"`)
    await terminal.shows(/Error: BOOM/)
    await isGivenBack(terminal, 1)
  })

  it('Ctrl-Z gives it back while it is stopped, and fg takes it again', async () => {
    using terminal = new Tmux(80, 24)
    await terminal.start(top())
    await terminal.shows(/^RING/m)
    terminal.keys('C-z')
    await terminal.shows(/Stopped/)
    expect(terminal.flags()).toBe(given)
    terminal.type('fg')
    await terminal.shows(/^RING/m)
    expect(terminal.flags()).toBe(taken)
    terminal.keys('q')
    await terminal.shows(/READY$/m)
    expect(terminal.flags()).toBe(given)
  })

  it('the daemon ends: it says so and keeps what it knew, goes on when another is there, and q still ends it', async () => {
    const first = await startDaemon(folder.path, ['--rings', '1'])
    const { port } = new URL(first.adminUrl)
    using terminal = new Tmux(80, 24)
    await terminal.start(['top', '--admin', `127.0.0.1:${port}`, '--interval', '0.3'])
    await terminal.shows(/^RING/m)
    await first[Symbol.asyncDispose]()
    const lost = await terminal.shows(
      /^nothing listens at http:\/\/127\.0\.0\.1:\d+\. Tried again every second, for \d+ s\.$/m,
    )
    expect(lost[0]).toMatch(/LOST$/)
    expect(lost.join('\n')).toMatch(/^RING/m)
    await using again = await startDaemon(folder.path, ['--rings', '1', '--admin', `127.0.0.1:${port}`])
    await terminal.shows(new RegExp(`pid ${again.child.pid!} on .*every 0\\.3 s$`, 'm'))
    await again[Symbol.asyncDispose]()
    await terminal.shows(/LOST$/m)
    terminal.keys('q')
    await isGivenBack(terminal, 0)
  })

  it('no daemon at all: the error stands on the screen that one has', async () => {
    using terminal = new Tmux(80, 24)
    await terminal.start(['top', '--admin', '127.0.0.1:1'])
    await terminal.shows(/ringmaster: nothing listens at http:\/\/127\.0\.0\.1:1\./)
    await isGivenBack(terminal, 1)
  })

  it('without colours where none are wanted', async () => {
    using terminal = new Tmux(80, 24)
    await terminal.start([...top(), '--no-color'])
    await terminal.shows(/^RING/m)
    expect(terminal.styled()).not.toMatch(/\u001b\[/) // eslint-disable-line no-control-regex
    terminal.keys('q')
    await isGivenBack(terminal, 0)
    await terminal.start(top())
    await terminal.shows(/^RING/m)
    expect(terminal.styled()).toMatch(/\u001b\[7m/) // eslint-disable-line no-control-regex
  })
})

/** Waits until the daemon has been asked so many more times for what is shown. */
async function refreshes(count: number): Promise<number> {
  const built = async (): Promise<number> =>
    Number(/^ringmaster_live_frames_total (\d+)$/m.exec(await (await fetch(`${daemon.adminUrl}/metrics`)).text())?.[1])
  const before = await built()
  let now = before
  while (now < before + 5 * count) {
    await sleep(50)
    now = await built()
  }
  return now - before
}
