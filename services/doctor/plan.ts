// What the rings are to be, as far as the command line says: checks compare the machine with it. Made by services/cli/doctor.ts.
import type { Poller } from '../../workers/poller-kind.ts'
import type { ListenAddress } from '../cli/listen-address.ts'

export interface PlannedAddress {
  readonly option: '--listen' | '--admin'
  readonly address: ListenAddress
  /** Somebody said so. Where it is the default, who only uses the library does not need it. */
  readonly asked: boolean
}

export interface DoctorPlan {
  /** Absolute: a file, or a folder. */
  readonly path: string
  readonly rings: number | 'auto'
  readonly poller: Poller | 'auto'
  /** Memory that is to be registered with the rings. */
  readonly buffersBytes: number
  /** A path, or `auto`, as `ringmaster serve --profile` takes it; null: nobody said so, and one that lies where `auto` looks is looked at. */
  readonly profile: string | null
  readonly addresses: readonly PlannedAddress[]
}
