// Proof: a million reads with the kernel poller make next to no system calls. Called by evidence.ts.
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { spawnSync } from 'node:child_process'
import { privateDirectory } from '../data.ts'
import { formatTable } from '../../../services/bench/table.ts'
import { runSubject } from './subject.ts'
import type { Verdict } from './verdict.ts'

const ENTERS_MAX = 1000
/** "No other system call per read": what the event loop does once per turn of many reads stays well below one. */
const OTHERS_PER_READ_MAX = 0.1
const SHOWN_ROWS = 8
const MS_PER_READ_LIMIT = 0.3

export async function proveSyscalls(reads: number, file: string): Promise<Verdict> {
  const claim = `${reads} reads, kernel poller, system calls`
  if (spawnSync('strace', ['-V']).status !== 0) {
    return { claim, holds: false, figures: 'strace is not installed', details: [] }
  }
  // The same program without a read, taken away: what remains was done for the reads.
  const without = await countCalls(0, file)
  const during = await countCalls(reads, file)
  const rows = [...during]
    .map(([name, calls]) => ({ name, calls: Math.max(0, calls - (without.get(name) ?? 0)) }))
    .filter(({ calls }) => calls > 0)
    .sort((a, b) => b.calls - a.calls)
  const enters = rows.find(({ name }) => name === 'io_uring_enter')?.calls ?? 0
  const others = rows.reduce((sum, { calls }) => sum + calls, 0) - enters
  const table = rows.slice(0, SHOWN_ROWS).map(({ name, calls }) => [name, String(calls), (calls / reads).toFixed(6)])
  return {
    claim,
    holds: enters < ENTERS_MAX && others / reads < OTHERS_PER_READ_MAX,
    figures: `${enters} io_uring_enter (below ${ENTERS_MAX}), ${others} others, ${(others / reads).toFixed(4)} per read`,
    details: formatTable(['system call', 'calls', 'per read'], table),
  }
}

async function countCalls(reads: number, file: string): Promise<ReadonlyMap<string, number>> {
  const output = join(privateDirectory('evidence'), `strace-${process.pid}.txt`)
  try {
    await runSubject({
      task: 'reads',
      poller: 'kernel',
      count: reads,
      file,
      timeoutMs: 60_000 + reads * MS_PER_READ_LIMIT,
      wrapper: ['strace', '-f', '-c', '-o', output],
    })
    return parseStraceSummary(readFileSync(output, 'utf8'))
  } finally {
    rmSync(output, { force: true })
  }
}

/** Columns: % time, seconds, usecs/call, calls, errors (may be empty), syscall. */
export function parseStraceSummary(text: string): ReadonlyMap<string, number> {
  const rows = text.matchAll(/^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)$/gm)
  return new Map([...rows].flatMap(([, calls, name]) => (name === 'total' ? [] : [[name!, Number(calls)] as const])))
}
