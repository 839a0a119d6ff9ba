// The cases that were set for io_uring, by the names of liburing's tests: each is the title of a case here, or has a reason not to be.
import { readFileSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { titlesNeedingRing } from './without-ring.ts'

const folder = fileURLToPath(new URL('.', import.meta.url))

/** By row; a row's cases are in `<row>.test.ts` and `<row>-<what>.test.ts`. */
const rows: Readonly<Record<string, string>> = {
  sqpoll: `sqpoll-sleep sqpoll-exit-hang sqpoll-exec sqpoll-disable-exit sq-poll-dup sq-poll-share sqwait sq-space_left fdinfo
    fdinfo-sqpoll empty-eownerdead wq-aff shared-wq d4ae271dfaae`,
  cq: `cq-full cq-overflow cq-peek-batch cq-ready cq-size poll-mshot-overflow`,
  sq: `sq-full submit-reuse drop-submit submit-link-fail`,
  link: `link link-timeout link_drain linked-defer-close accept-link poll-link fixed-link open-direct-link fixed-reuse skip-cqe
    defer multicqes_drain`,
  mshot: `accept-mshot-stress recv-multishot recv-mshot-fair recv-mshot-drain read-mshot read-mshot-empty read-mshot-stdin
    poll-mshot-update poll-mshot-wake poll-race-mshot mshot-shutdown-race buf-ring-mshot`,
  pbuf: `buf-ring buf-ring-nommap buf-ring-put buf-ring-stress buf-ring-upgrade ringbuf-loop ringbuf-read ringbuf-status
    read-inc-file read-inc-buf-more recv-inc-ooo recvmsg-inc-tail recvsend_bundle recvsend_bundle-inc recv-bundle-buf-len
    recv-bundle-short-ooo`,
  fixbuf: `rsrc_tags regbuf-clone sendzc-bug`,
  fixfile: `file-update ooo-file-unreg open-direct-pick nop-fixed-file-leak`,
  cancel: `io-cancel poll-cancel poll-cancel-all poll-cancel-ton cancel-race cancel-fd-userdata sync-cancel`,
  life: `thread-exit read-before-exit across-fork exit-no-cleanup ring-leak ring-leak2`,
  futex: `futex-kill`,
  msg: `msg-ring msg-ring-fd msg-ring-flags msg-ring-overflow`,
  event: `eventfd-disable`,
}

/** What is set and does not apply to rings that are made as Ringmaster makes them. */
const doesNotApply: Readonly<Record<string, string>> = {
  'sq-poll-kthread': 'an SQ thread made and used across fork() in C; Node has no fork() without exec',
  'cq-peek-batch-mixed': '32-byte completions (CQE_MIXED), which rings here do not ask for',
  'iopoll-overflow': 'IOPOLL, which rings here do not ask for and no file system here has',
  'nop32-overflow': '32-byte completions (CQE32), which rings here do not ask for',
  xfail_prep_link_timeout_out_of_scope:
    'how long a variable on the C stack lives; here an operation keeps its struct alive',
}

/** What the cases of all files are titled: names before a colon. A case may stand for several. */
function titles(): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.test.ts'))
    .flatMap((name) => [...readFileSync(`${folder}${name}`, 'utf8').matchAll(/\bit\(\s*['"`]([\w-]+(?:, [\w-]+)*): /g)])
    .flatMap(([, title]) => title!.split(', '))
}

describe.each(Object.entries(rows))('row %s', (_row, names) => {
  const found = new Set(titles())
  it.each(names.split(/\s+/))('%s has a case', (name) => {
    expect([...found]).toContain(name)
  })
})

describe('what does not hold without a ring', () => {
  const sources = readdirSync(folder)
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => readFileSync(`${folder}${name}`, 'utf8'))
    .join('\n')
  it.each(titlesNeedingRing)('%s: is a case here', (beginning) => {
    expect(["'", '"', '`'].some((quote) => sources.includes(`${quote}${beginning}`))).toBe(true)
  })
})

describe('what does not apply', () => {
  it.each(Object.entries(doesNotApply))('%s: %s', (name) => {
    expect(Object.values(rows).join(' ').split(/\s+/)).not.toContain(name)
  })
})
