// open(): a FileHandle. The first one of a program is opened by Node and shows what Node's class is; from then on rings open files. Used by
// make-fs.ts.
import { closeOnExec } from '../open-flags.ts'
import { openDescriptor } from '../open-descriptor.ts'
import type { Router } from '../request-handle.ts'
import { giveFile, ringFileHandleClass } from './file-handle.ts'
import type { Holds } from './held-file.ts'
import { canBeMade, nodeClassOf } from './node-handle.ts'
import type { NodeFileHandle, NodeFileHandleClass } from './node-handle.ts'
import { ownCall } from './own.ts'
import type { AnyCall } from './own.ts'
import { plainFlags, plainMode, plainPath } from './plain.ts'
import { RingDescriptor } from './ring-descriptor.ts'
import type { Route } from './route.ts'

/** What is known of handles, once for the whole process. */
interface Known {
  readonly base: NodeFileHandleClass
  readonly ours: NodeFileHandleClass
  /** Whether rings may open files: where this Node's class cannot be used so, Node does. */
  readonly canOpen: boolean
  readonly holds: Holds
}

let known: Promise<Known | null> | null = null
let learnt: Known | null = null

async function learn(handle: object): Promise<Known | null> {
  const found = nodeClassOf(handle)
  if (found === null) return null
  const { base, holds, transfer } = found
  const ours = ringFileHandleClass(base, transfer)
  learnt = { base, ours, holds, canOpen: await canBeMade(ours, holds) }
  return learnt
}

export function makeOpen(route: Route): AnyCall {
  const ownOpen = ownCall('open')
  const openWithNode: AnyCall = async (...args) => {
    const handle = (await ownOpen(...args)) as NodeFileHandle
    known ??= learn(handle)
    const found = await known
    // Somebody may have given it another class.
    if (found !== null && Object.getPrototypeOf(handle) === found.base.prototype) {
      Object.setPrototypeOf(handle, found.ours.prototype as object)
      giveFile(handle, route, found.holds, false)
    }
    return handle
  }
  return async (...args) => {
    const rings = route.handle() === null ? null : route.rings
    const ready = learnt?.canOpen === true ? learnt : null
    const path = plainPath(args[0])
    const flags = plainFlags(args[1])
    const mode = plainMode(args[2], 0o666)
    if (rings === null || ready === null || path === null || flags === null || mode === null)
      return openWithNode(...args)
    const fd = await route.persist(() => openDescriptor(rings, path, flags | closeOnExec, mode, undefined))
    return made(ready, route, rings, fd)
  }
}

function made({ ours, holds }: Known, route: Route, rings: Router, fd: number): NodeFileHandle {
  const native = new RingDescriptor(rings, fd)
  const handle = new ours(native)
  native.closeWith(handle)
  giveFile(handle, route, holds, true)
  return handle
}
