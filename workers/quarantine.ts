// What the kernel may still write to although nobody waits any more. Never freed: a leak beats corrupted memory. Filled where a
// ring is lost or does not drain.
const owners: unknown[] = []
const memory = new Set<object>()

/** Keeps a given-up request's buffers. */
export function quarantineOwner(owner: unknown): void {
  owners.push(owner)
}

/** Owners of requests that were given up: their buffers are never to be used again. */
export function quarantined(): readonly unknown[] {
  return owners
}

/** Keeps memory that a ring knows: its own, or what is registered with it. */
export function quarantineMemory(...parts: readonly object[]): void {
  for (const part of parts) memory.add(part)
}
