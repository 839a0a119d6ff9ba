// Node.js and the addon: what has to be there before anything can be asked of the kernel.
import { join } from 'node:path'
import { packageRoot } from '../../measure/package-root.ts'
import { shellWord } from '../../shell-word.ts'
import type { Context } from '../context.ts'
import type { Finding } from '../finding.ts'

/** package.json, engines. */
const nodeMin = [20, 11] as const
/** What native/binding.gyp compiles for (NAPI_VERSION). */
const nodeApiMin = 8

/** Whether a Node.js of this version is new enough. */
export function isNodeSupported(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return major > nodeMin[0] || (major === nodeMin[0] && minor >= nodeMin[1])
}

function libc(): string {
  const { header } = process.report.getReport() as { header?: { glibcVersionRuntime?: string } }
  return header?.glibcVersionRuntime === undefined ? 'musl' : `glibc ${header.glibcVersionRuntime}`
}

/** Also all that is told where nothing else can be loaded (../few-descriptors.ts). */
export function checkNode(): Finding {
  const { node, modules, napi = '0' } = process.versions
  const isFine = isNodeSupported(node) && Number(napi) >= nodeApiMin
  return {
    id: 'runtime.node',
    title: 'Node.js',
    need: `${nodeMin.join('.')} or later, Node-API ${nodeApiMin}`,
    have: `${node}, ABI ${modules}, Node-API ${napi}, ${libc()}`,
    verdict: isFine ? 'ok' : 'broken',
    why: 'the addon is compiled for Node-API, and so for every ABI since',
    fix: isFine ? null : `npm install --global node@${nodeMin[0]}`,
  }
}

/** `npm rebuild` knows the package only in the project that has it. */
const compile = (): string => `node ${shellWord(join(packageRoot(), 'native/build-addon.mjs'))}`

/** What brings the addon back. */
function addonFix({ addon, capabilities }: Context): string | null {
  // Descriptors are a finding of their own.
  if (capabilities.rings.reason === 'platform' || capabilities.rings.reason === 'descriptors') return null
  if (process.env['RINGMASTER_ADDON'] !== undefined) return 'unset RINGMASTER_ADDON'
  return /--allow-addons/.test(addon.reason)
    ? 'start node without --no-addons, and with --allow-addons beside --permission'
    : compile()
}

function checkAddon(context: Context): Finding {
  const { addon, plan, capabilities } = context
  const { origin, path, reason } = addon
  const base = { id: 'runtime.addon', title: 'native addon', need: 'prebuilt, or compiled here' }
  if (origin === 'none') {
    return {
      ...base,
      have: 'none',
      // Nobody who plans without rings is kept from anything.
      verdict: plan.poller === 'threadpool' ? 'degraded' : 'broken',
      why: `files are read and written by node:fs: ${reason || capabilities.rings.message || 'there is no addon'}`,
      fix: addonFix(context),
    }
  }
  const isSecondChoice = reason !== ''
  return {
    ...base,
    have: `${origin}: ${path}`,
    verdict: isSecondChoice ? 'info' : 'ok',
    why: isSecondChoice
      ? reason
      : origin === 'named'
        ? 'RINGMASTER_ADDON names it'
        : 'it was found where it is looked for first',
    fix: isSecondChoice ? compile() : null,
  }
}

export function checkRuntime(context: Context): Promise<Finding[]> {
  return Promise.resolve([checkNode(), checkAddon(context)])
}
