// Starts rings with a profile: its layout as options, where nothing was said by hand; a word where it was made on another machine; and without it
// where this machine cannot have it. Called by Ringmaster.start().
import { access } from 'node:fs/promises'
import { homedir } from 'node:os'
import { isAbsolute, join, resolve } from 'node:path'
import { Poller } from '../../workers/poller-kind.ts'
import type { RingmasterOptions } from '../options.ts'
import type { Choice, Placement } from '../placement/types.ts'
import { setByOption } from '../placement/types.ts'
import type { Layout } from '../tune/types.ts'
import { tuneAgain } from './again.ts'
import type { ProfileEvent } from './event.ts'
import { readProfile } from './file.ts'
import { differencesNow } from './fingerprint.ts'
import { neutralise } from '../visible-text.ts'
import type { Profile } from './schema.ts'

/** Options that came from a profile, and not from whoever called. */
export interface Profiled {
  readonly path: string
  readonly layout: Layout
  readonly names: ReadonlySet<string>
}

/**
 * Starts with `options`, and with what their profile adds to them.
 * @throws ERR_RING_PROFILE; what `start` throws without a profile
 */
export async function startWithProfile<Started>(
  options: RingmasterOptions,
  start: (options: RingmasterOptions, profiled: Profiled | null) => Promise<Started>,
): Promise<Started> {
  const { profile: wanted, ...given } = options
  const path = typeof wanted === 'string' ? await findProfile(wanted) : null
  if (path === null) return start(options, null)
  const profile = await readProfile(path)
  const { rest, unused } = withoutUnused(profile.layout, given)
  const added = optionsOf(profile.layout, rest)
  const differences = differencesNow(profile)
  const profiled = { path, layout: profile.layout, names: new Set(Object.keys(added)) }
  let started: Started
  try {
    started = await start({ ...rest, ...added }, profiled)
  } catch (error) {
    // Where it is not the profile's fault, this throws the same.
    const without = await start(given, null)
    const reason = error instanceof Error ? error.message : String(error)
    const message = `the layout of the profile ${path} cannot be had here, and the rings were started without it: ${reason}`
    tell(options, { state: 'impossible', path, differences, message })
    return without
  }
  const isSame = differences.length === 0
  const message = (isSame ? `the profile ${path} is used` : differs(path, profile, differences)) + unused
  tell(options, { state: isSame ? 'loaded' : 'differs', path, differences, message }, unused !== '')
  return started
}

interface Used {
  readonly rest: RingmasterOptions
  /** What is not used, and why; '' for nothing. */
  readonly unused: string
}

/** SQ threads that are to be shared, and a profile whose poller has none: the poller was left open, so it is the profile's to say. */
function withoutUnused(layout: Layout, given: RingmasterOptions): Used {
  const { sqThreads, ...rest } = given
  const isOpen = given.poller === undefined || given.poller === 'auto'
  if (sqThreads !== 'shared' || !isOpen || layout.poller === Poller.kernel) return { rest: given, unused: '' }
  const advice = `leave it out, or ask for poller 'kernel'`
  return {
    rest,
    unused: `; its poller ${layout.poller} has no SQ threads to share, so option sqThreads is not used: ${advice}`,
  }
}

const differs = (path: string, profile: Profile, differences: readonly string[]): string =>
  `the profile ${path} of ${profile.fingerprint.date.slice(0, 10)} was made on another machine, and is used all the same: ` +
  `${neutralise(differences.join('; '))}. Have it made anew: ${tuneAgain(path, profile)}`

const warned = new Set<string>()

/** Whoever asked to be told; else a warning, once for each profile, unless all is well. `warns`: it is not, though the profile is loaded. */
function tell({ onProfile }: RingmasterOptions, event: ProfileEvent, warns = false): void {
  if (onProfile !== undefined) {
    onProfile(event)
    return
  }
  if ((event.state === 'loaded' && !warns) || warned.has(event.path)) return
  warned.add(event.path)
  process.emitWarning(event.message, 'RingmasterWarning')
}

/** Where `auto` looks, in this order, without $RINGMASTER_PROFILE; nobody looks there who was not asked to. */
function places(): string[] {
  const asked = process.env['XDG_CONFIG_HOME'] ?? ''
  // XDG Base Directory Specification: what is empty counts as not set, and what is relative is to be ignored.
  const home = isAbsolute(asked) ? asked : join(homedir(), '.config')
  return ['ringmaster-profile.json', join(home, 'ringmaster/profile.json'), '/etc/ringmaster/profile.json'].map(
    (path) => resolve(path),
  )
}

/** The absolute path of a profile: `wanted`, or, for `auto`, $RINGMASTER_PROFILE or the first there is; null for none. Also asked by `ringmaster doctor`. */
export async function findProfile(wanted: string): Promise<string | null> {
  if (wanted !== 'auto') return resolve(wanted)
  // Who names one means that one: without it, it is said that it is not there.
  const configured = process.env['RINGMASTER_PROFILE'] ?? ''
  if (configured !== '') return resolve(configured)
  for (const path of places()) {
    const isThere = await access(path).then(
      () => true,
      () => false,
    )
    if (isThere) return path
  }
  return null
}

/** The options of a layout that were left open, `auto` among them. What is said of SQ threads goes with the poller `kernel` alone. */
function optionsOf(layout: Layout, given: RingmasterOptions): Partial<RingmasterOptions> {
  const isOpen = (name: keyof RingmasterOptions): boolean => given[name] === undefined || given[name] === 'auto'
  const poller = isOpen('poller') ? layout.poller : given.poller
  const hasSqThreads = poller === 'kernel' && layout.poller === 'kernel'
  const pins = layout.sqThreadCpu !== null && isOpen('pinCpus')
  // It was measured without pins, and `auto` would pin where CPUs are set aside.
  const isUnpinned = layout.sqThreadCpu === null && isOpen('sqThreadCpu') && poller === layout.poller
  const all: Partial<RingmasterOptions> = {
    poller: layout.poller,
    rings: layout.rings,
    ...(hasSqThreads && { sqThreads: layout.sqThreads, sqThreadIdleMs: layout.sqThreadIdleMs }),
    ...(hasSqThreads && pins && { sqThreadCpu: layout.sqThreadCpu }),
    ...(isUnpinned && { pinCpus: [] }),
    ...(layout.spinNs !== null && { spinNs: layout.spinNs }),
  }
  const names = Object.keys(all) as (keyof RingmasterOptions)[]
  return Object.fromEntries(names.filter(isOpen).map((name) => [name, all[name]]))
}

/** Names the profile as the reason of what it decided. */
export function creditProfile(placed: Placement, profiled: Profiled | null): Placement {
  if (profiled === null) return placed
  const { choices, reason } = placed
  return {
    ...placed,
    choices: choices.map((choice) => creditChoice(choice, profiled)),
    reason: profiled.names.has('poller') ? credit(reason, profiled) : reason,
  }
}

/** The same for one choice. */
export function creditChoice(choice: Choice, profiled: Profiled | null): Choice {
  const names = profiled?.names
  const isCredited =
    names?.has(choice.name) === true || (choice.name === 'pinCpus' && names?.has('sqThreadCpu') === true)
  return isCredited ? { ...choice, reason: credit(choice.reason, profiled!) } : choice
}

const credit = (reason: string, { path }: Profiled): string =>
  reason.replace(setByOption, `${setByOption} profile: ${path}`)
