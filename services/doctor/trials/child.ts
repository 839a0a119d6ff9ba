// What the doctor tries out in a process of its own: it may be killed for asking, hang with a file system that does not answer, or take what
// the doctor needs itself. Started by run-child.ts with the name of a trial and its argument; prints lines of JSON, facts as they are found.
import type { Trial } from './trial.ts'

/** A new trial is a line here. Each is loaded by itself: the library alone takes longer than what two of them do. */
const trials: Readonly<Record<string, () => Promise<Trial>>> = {
  calls: async () => (await import('./calls.ts')).tryCalls,
  start: async () => (await import('./start.ts')).tryStart,
  storage: async () => (await import('./storage.ts')).tryStorage,
}

const [, , name = '', argument = ''] = process.argv
const load = trials[name]
if (load === undefined) throw new Error(`no trial ${name}`)
const trial = await load()

// Who started it is gone, or does not want to wait any longer: what a trial leaves behind is removed by its handler of `exit`.
process.stdin.resume().once('end', () => process.exit(1))
process.on('SIGINT', () => undefined) // the terminal's is for whoever started it, too
await trial(argument, (facts) => {
  process.stdout.write(`${JSON.stringify(facts)}\n`)
})
process.exit(0)
