// Rings that somebody has as they are: a RawRing holds its ring, and so does all that comes of it (streams, registrations, mailboxes,
// direct descriptors). Such a ring cannot be put in the place of another one: services/adaptation.ts asks.
import type { RingHandle } from '../../workers/ring-handle.ts'

export const rawUsers: WeakSet<RingHandle> = new WeakSet()
