// How much may be stored below a folder of the root, and which of these limits a path falls under. Used by accounts.ts on both sides, and by
// whoever has options.

/** What happens to an upload that finds no room: it is refused, or what nobody has read for longest makes room for it. */
export const whenFullWays = ['evict', 'refuse'] as const
export type WhenFull = (typeof whenFullWays)[number]

export interface Quota {
  /** A folder below the root, as `turbo/acme`, with everything in it; '' is the root itself. */
  readonly folder: string
  /** An object counts as many whole blocks of 4 KiB, as a disk does. null: no limit. */
  readonly sizeBytesMax: number | null
  readonly objectsMax: number | null
  readonly whenFull: WhenFull
}

/** Each costs an upload a comparison or two. */
export const quotasMax = 64

const blockBytes = 4096
export const countedBytes = (sizeBytes: number): number => Math.ceil(sizeBytes / blockBytes) * blockBytes

/** @throws TypeError, RangeError with what to do */
export function checkQuotas(quotas: readonly Quota[]): void {
  if (quotas.length > quotasMax) throw new RangeError(`${quotas.length} quotas: ${quotasMax} are the most`)
  const folders = new Set<string>()
  for (const { folder, sizeBytesMax, objectsMax } of quotas) {
    const names = folder === '' ? [] : folder.split('/')
    if (names.some((name) => name === '' || name === '.' || name === '..' || name.includes('\0')))
      throw new TypeError(`a quota's folder is names with / between them, not "${folder}"`)
    if (folders.has(folder)) throw new TypeError(`the folder "${folder}" has two quotas: give one with both limits`)
    folders.add(folder)
    if (sizeBytesMax === null && objectsMax === null)
      throw new TypeError(`the quota of "${folder}" says neither how many bytes nor how many objects`)
    for (const limit of [sizeBytesMax, objectsMax])
      if (limit !== null && (!Number.isSafeInteger(limit) || limit < 1))
        throw new RangeError(`a quota's limit is a whole number from 1, not ${limit}`)
  }
}

/** Tells which quotas a path falls under. */
export class QuotaMatch {
  /** With a slash behind: each character is a byte, as in paths. */
  private readonly prefixes: readonly string[]
  private readonly all: readonly number[]
  private readonly hasFolders: boolean

  constructor(quotas: readonly Quota[]) {
    this.prefixes = quotas.map(({ folder }) => (folder === '' ? '' : `${Buffer.from(folder).toString('latin1')}/`))
    this.all = quotas.flatMap(({ folder }, index) => (folder === '' ? [index] : []))
    this.hasFolders = this.all.length < quotas.length
  }

  /** `path`: each character a byte. */
  of(path: string): readonly number[] {
    if (!this.hasFolders) return this.all
    return this.prefixes.flatMap((prefix, index) => (path.startsWith(prefix) ? [index] : []))
  }
}
