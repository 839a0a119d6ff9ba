// Reads what the kernel says about a machine as text: files below a root, and lists of CPUs. The root is / and, in tests, a
// folder that holds the same files of a machine that does not exist. Used by the other files of services/machine/.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** A file's text without the white space around it; '' where there is none to read. */
export function readText(root: string, path: string): string {
  try {
    return readFileSync(join(root, path), 'latin1').trim()
  } catch {
    return ''
  }
}

/** More CPUs than any kernel is built for: a list that goes further is not believed. */
const cpuMax = 65_535

/** CPU numbers as the kernel lists them: "0-3,8,10-11". What is not a list is an empty one. */
export function parseCpuList(text: string): number[] {
  const cpus = new Set<number>()
  for (const part of text.split(',')) {
    const range = /^\s*(\d+)(?:-(\d+))?\s*$/.exec(part)
    if (range === null) continue
    const last = Math.min(Number(range[2] ?? range[1]), cpuMax)
    for (let cpu = Number(range[1]); cpu <= last; cpu++) cpus.add(cpu)
  }
  return [...cpus].sort((a, b) => a - b)
}

/** The same the other way, for messages: "0-3,8". */
export function formatCpuList(cpus: readonly number[]): string {
  const parts: string[] = []
  for (let at = 0; at < cpus.length;) {
    let end = at
    while (cpus[end + 1] === cpus[end]! + 1) end++
    parts.push(end === at ? `${cpus[at]}` : `${cpus[at]}-${cpus[end]}`)
    at = end + 1
  }
  return parts.join(',')
}

/** A field of a file of lines "Name:   value" or "Name    value". */
export function field(text: string, name: string): string {
  const line = text.split('\n').find((candidate) => candidate.startsWith(name))
  return line === undefined ? '' : line.slice(name.length).replace(/^:/, '').trim()
}
