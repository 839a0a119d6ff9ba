// Starts the process that is looked at and reads the lines it prints. Called by evidence/*.
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

export interface SubjectTask {
  readonly task: 'reads' | 'growth' | 'cycles' | 'idle'
  readonly poller: string
  readonly count: number
  readonly file: string
  readonly timeoutMs: number
  readonly nodeFlags?: readonly string[]
  /** A program that runs it, with its arguments: strace. */
  readonly wrapper?: readonly string[]
}

/** Runs to its end; returns its lines. */
export async function runSubject(task: SubjectTask): Promise<readonly string[]> {
  const lines: string[] = []
  await watchSubject(task, (line) => void lines.push(line))
  return lines
}

/** Calls `onLine` for each line while it runs; the promise fails when it fails. */
export async function watchSubject(
  task: SubjectTask,
  onLine: (line: string, child: ChildProcess) => void,
): Promise<void> {
  const program = join(import.meta.dirname, '../evidence-subject.js')
  const args = [...(task.nodeFlags ?? []), program, task.task, task.poller, String(task.count), task.file]
  const [command, ...rest] = [...(task.wrapper ?? []), process.execPath, ...args]
  const child = spawn(command!, rest, {
    stdio: ['pipe', 'pipe', 'pipe'],
    timeout: task.timeoutMs,
    killSignal: 'SIGKILL',
  })
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr = (stderr + text).slice(-4000)))
  createInterface({ input: child.stdout }).on('line', (line) => onLine(line, child))
  const closed = once(child, 'close') as Promise<[number | null, string | null]>
  const [code, signalName] = await closed
  if (code === 0) return
  const limit = signalName === 'SIGKILL' ? ` (limit ${task.timeoutMs / 1000} s)` : ''
  throw new Error(
    `${task.task} with poller ${task.poller} ended with ${signalName ?? `exit code ${code}`}${limit}\n${stderr}`,
  )
}
