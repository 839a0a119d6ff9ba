// How much may be stored below ROOT of `ringmaster serve`, by its options: `--size-max`, `--when-full`, `--quota`. Called by file-daemon.ts and
// serve-options.ts.
import { InvalidArgumentError } from 'commander'
import type { Quota, WhenFull } from '../blob/room/quota.ts'
import { checkQuotas } from '../blob/room/quota.ts'
import { parseSize } from './byte-count.ts'
import { CommandError, exitCodes } from './exit.ts'

export interface RoomOptions {
  readonly sizeMax?: number
  /** Undefined: refuse. */
  readonly whenFull?: WhenFull
  readonly quota?: readonly Quota[]
  readonly write?: boolean
}

/** As BlobServiceOptions has them. */
export interface RoomRules {
  readonly sizeBytesMax: number | null
  readonly whenFull: WhenFull
  readonly quotas: readonly Quota[]
}

/** @throws CommandError where nothing is stored, and where two rules are of one folder */
export function readRoom({ sizeMax, whenFull, quota = [], write = false }: RoomOptions): RoomRules {
  const given = sizeMax !== undefined ? '--size-max' : whenFull !== undefined ? '--when-full' : '--quota'
  const isGiven = sizeMax !== undefined || whenFull !== undefined || quota.length > 0
  if (isGiven && !write) throw misuse(`${given}: nothing is stored without --write`)
  if (whenFull !== undefined && sizeMax === undefined)
    throw misuse('--when-full: say how much may be stored with --size-max')
  try {
    checkQuotas(quota)
  } catch (error) {
    throw misuse(`--quota: ${error instanceof Error ? error.message : String(error)}`)
  }
  return { sizeBytesMax: sizeMax ?? null, whenFull: whenFull ?? 'refuse', quotas: quota }
}

const misuse = (message: string): CommandError => new CommandError(message, exitCodes.usage)

/** `turbo/acme=10G`, `turbo/acme=10G,5000objects,evict`. Of several, one after the other. Thrown errors are commander's, shown with the option. */
export function parseQuota(text: string, before: readonly Quota[] = []): Quota[] {
  const equals = text.lastIndexOf('=')
  if (equals < 1) throw new InvalidArgumentError('Expected FOLDER=SIZE, as in turbo/acme=10G.')
  const quota: { -readonly [Field in keyof Quota]: Quota[Field] } = {
    folder: text.slice(0, equals),
    sizeBytesMax: null,
    objectsMax: null,
    whenFull: 'refuse',
  }
  for (const word of text.slice(equals + 1).split(',')) {
    const objects = /^(\d{1,15})objects$/.exec(word)?.[1]
    if (word === 'evict' || word === 'refuse') quota.whenFull = word
    else if (objects !== undefined) quota.objectsMax = Number(objects)
    else quota.sizeBytesMax = parseSize(word)
  }
  return [...before, quota]
}

/** For people. Null where there is no limit. */
export function describeRoom({ sizeBytesMax, whenFull, quotas }: RoomRules): string | null {
  const ofRoot = sizeBytesMax === null ? [] : [{ folder: '', sizeBytesMax, objectsMax: null, whenFull }]
  const all = [...ofRoot, ...quotas]
  return all.length === 0 ? null : `at most ${all.map(describeQuota).join('; ')}`
}

function describeQuota({ folder, sizeBytesMax, objectsMax, whenFull }: Quota): string {
  const limits = [
    ...(sizeBytesMax === null ? [] : [`${sizeBytesMax} bytes`]),
    ...(objectsMax === null ? [] : [`${objectsMax} objects`]),
  ]
  const then = whenFull === 'evict' ? ', then what nobody has read for longest is removed' : ', then 507'
  return `${limits.join(' and ')} in ${folder === '' ? 'all' : folder}${then}`
}
