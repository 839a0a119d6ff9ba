// Limits of control groups, raised where no engine and no unit says what they are: the commands that write them. Used by fixes.ts.
import { cgroupFolders } from '../machine/cgroup.ts'
import { readText } from '../machine/text.ts'
import { writeFix } from './commands.ts'

interface GroupFile {
  readonly folder: string
  readonly name: string
  readonly text: string
}

/** Such a file of every group on the path, in version 2 and in version 1. */
function filesOf(controller: string, unifiedName: string, legacyName: string): GroupFile[] {
  const { unified, legacy } = cgroupFolders('/', controller)
  return [
    ...unified.map((folder) => ({ folder, name: unifiedName })),
    ...legacy.map((folder) => ({ folder, name: legacyName })),
  ].flatMap(({ folder, name }) => {
    const text = readText('/', `${folder}/${name}`)
    return text === '' ? [] : [{ folder, name, text }]
  })
}

/** From the outermost to the own one: version 1 allows no group more than the one above has. */
const commandsOf = (files: readonly GroupFile[], value: (file: GroupFile) => string): string | null =>
  files.length === 0
    ? null
    : [...files]
        .reverse()
        .map((file) => writeFix(value(file), `${file.folder}/${file.name}`))
        .join('; ')

function raise(controller: string, unifiedName: string, legacyName: string, value: number): string | null {
  const tooSmall = filesOf(controller, unifiedName, legacyName).filter(
    ({ text }) => /^\d+$/.test(text) && Number(text) < value,
  )
  return commandsOf(tooSmall, () => String(value))
}

export const raiseMemory = (bytes: number): string | null =>
  raise('memory', 'memory.max', 'memory.limit_in_bytes', bytes)

export const raisePids = (count: number): string | null => raise('pids', 'pids.max', 'pids.max', count)

/** The period stays as it is. */
export function raiseCpus(cpus: number): string | null {
  const periodUs = ({ folder, name, text }: GroupFile): number =>
    Number(name === 'cpu.max' ? text.split(/\s+/)[1] : readText('/', `${folder}/cpu.cfs_period_us`))
  const quotaUs = ({ text }: GroupFile): number => Number(text.split(/\s+/)[0])
  const tooSmall = filesOf('cpu', 'cpu.max', 'cpu.cfs_quota_us').filter(
    (file) => quotaUs(file) > 0 && quotaUs(file) < cpus * periodUs(file),
  )
  return commandsOf(tooSmall, (file) =>
    file.name === 'cpu.max' ? `${cpus * periodUs(file)} ${periodUs(file)}` : String(cpus * periodUs(file)),
  )
}
