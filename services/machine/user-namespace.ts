// Whether a capability is the real one: what the kernel asks of the initial user namespace, as for memlock and the sysctl of io_uring, those of another
// namespace do not count for. Used by limits.ts and by services/doctor/policy.ts.
import { readText } from './text.ts'

/** The whole range of numbers, onto itself: user_namespaces(7). Without a map the kernel has no such namespaces. */
export function isInitialNamespace(root: string): boolean {
  const map = readText(root, 'proc/self/uid_map')
  return map === '' || /^0\s+0\s+4294967295$/.test(map)
}
