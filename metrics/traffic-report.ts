// What GET /traffic of the admin server answers: who asks for which files. Made by services/http/traffic.ts, read by `ringmaster top`.

/** Grows when an asker and a daemon of different versions would misunderstand each other. */
export const trafficVersion = 1

/** Rows of each list in one answer: the busiest. */
export const trafficRowsMax = 100

/** Since it is watched: counters that only grow, of one file or of one client. */
export interface TrafficRow {
  /** Another one where counting has begun anew. */
  readonly id: number
  /** A path below the served folder, cut off where it is long; or the address of a client. As they came: not to be written to a terminal as it is. */
  readonly name: string
  /** Requests that are being answered. */
  readonly open: number
  readonly requests: number
  /** Of bodies, as the socket took them. */
  readonly bytes: number
}

export interface TrafficReport {
  readonly trafficVersion: number
  /** Unix time. */
  readonly atMs: number
  /** Since when it is counted: since somebody asks. Unix time. */
  readonly sinceMs: number
  readonly files: readonly TrafficRow[]
  readonly clients: readonly TrafficRow[]
}
