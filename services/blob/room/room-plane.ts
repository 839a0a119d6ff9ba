// The plane of what is stored: how much below each folder with a quota, how much may be, what was evicted and refused. Registered by service.ts;
// to add a metric, copy a row.
import { atMost, type MetricRow, type Plane } from '../../../metrics/plane.ts'
import type { AccountReading } from './accounts.ts'
import { quotasMax } from './quota.ts'
import type { Quota } from './quota.ts'

export interface RoomReading {
  readonly quota: Quota
  readonly stored: AccountReading
}

// prettier-ignore
const rows: readonly MetricRow<RoomReading>[] = [
  { name: 'ringmaster_blob_stored_bytes', type: 'gauge', unit: 'bytes', labels: [],
    help: 'Bytes of objects below a folder with a quota, in whole blocks of 4 KiB, with what is reserved for uploads.',
    read: ({ stored }, sample) => sample(stored.bytes) },
  { name: 'ringmaster_blob_limit_bytes', type: 'gauge', unit: 'bytes', labels: [],
    help: 'Bytes that a quota allows; none where it has no such limit.',
    read: ({ quota }, sample) => { if (quota.sizeBytesMax !== null) sample(quota.sizeBytesMax) } },
  { name: 'ringmaster_blob_objects', type: 'gauge', unit: 'count', labels: [],
    help: 'Objects below a folder with a quota, with those that are being uploaded.',
    read: ({ stored }, sample) => sample(stored.objects) },
  { name: 'ringmaster_blob_limit_objects', type: 'gauge', unit: 'count', labels: [],
    help: 'Objects that a quota allows; none where it has no such limit.',
    read: ({ quota }, sample) => { if (quota.objectsMax !== null) sample(quota.objectsMax) } },
  { name: 'ringmaster_blob_evicted_total', type: 'counter', unit: 'count', labels: [],
    help: 'Objects removed to make room, which nobody had read for longest.',
    read: ({ stored }, sample) => sample(stored.evictedObjects) },
  { name: 'ringmaster_blob_evicted_bytes_total', type: 'counter', unit: 'bytes', labels: [],
    help: 'Bytes of objects removed to make room.', read: ({ stored }, sample) => sample(stored.evictedBytes) },
  { name: 'ringmaster_blob_refusals_total', type: 'counter', unit: 'count', labels: [],
    help: 'Uploads refused because a quota had no room for them.',
    read: ({ stored }, sample) => sample(stored.refusals) },
]

export const roomPlane: Plane<RoomReading> = {
  name: 'blob_room',
  subjectLabels: ['folder'],
  labelRules: { folder: atMost(quotasMax) },
  rows,
}
