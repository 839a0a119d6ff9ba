// The plane of clients: threads that are attached to a pool, and its resident services. Registered by Ringmaster.register(); to add a metric, copy a
// row.
import { type Plane, poolRule } from '../plane.ts'

export interface ClientsReading {
  readonly attached: number
  readonly attachedMax: number
  /** Of resident services. */
  readonly instances: number
  readonly failures: number
  readonly restarts: number
}

// prettier-ignore
export const clientsPlane: Plane<ClientsReading> = {
  name: 'clients',
  subjectLabels: ['pool'],
  labelRules: { pool: poolRule },
  rows: [
    { name: 'ringmaster_clients_attached', type: 'gauge', unit: 'count', labels: [],
      help: 'Other threads that have a handle to the rings, resident services among them.',
      read: ({ attached }, sample) => sample(attached) },
    { name: 'ringmaster_clients_limit', type: 'gauge', unit: 'count', labels: [],
      help: 'Other threads that may have one; more are refused with ERR_RING_CLIENTS_FULL.',
      read: ({ attachedMax }, sample) => sample(attachedMax) },
    { name: 'ringmaster_service_instances', type: 'gauge', unit: 'count', labels: [],
      help: 'Instances of resident services that run.',
      read: ({ instances }, sample) => sample(instances) },
    { name: 'ringmaster_service_failures_total', type: 'counter', unit: 'count', labels: [],
      help: 'Instances of resident services that failed, or whose thread ended.',
      read: ({ failures }, sample) => sample(failures) },
    { name: 'ringmaster_service_restarts_total', type: 'counter', unit: 'count', labels: [],
      help: 'Instances of resident services that were started again after their thread had ended.',
      read: ({ restarts }, sample) => sample(restarts) },
  ],
}
