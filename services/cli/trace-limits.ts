// What a trace over the admin port may be. Used by trace-route.ts, which answers, and trace.ts, which asks.

export const traceFormats = ['chrome', 'events', 'replay'] as const
export type TraceFormat = (typeof traceFormats)[number]

export const traceLimits = {
  secondsUsual: 5,
  secondsMax: 60,
  sampleMax: 1_000_000,
  /** Events in one answer: the last ones, of replay operations, the first (see ../recording/format.ts). Chrome's format has seven for each. */
  eventsMax: { chrome: 20_000, events: 5_000, replay: 20_000 },
} as const

/** As text, in a query or on a command line; NaN where it is none from above 0 to `secondsMax`. */
export function secondsOf(text: string): number {
  const seconds = /^\d{1,10}(\.\d{1,10})?$/.test(text) ? Number(text) : NaN
  return seconds > 0 && seconds <= traceLimits.secondsMax ? seconds : NaN
}

/** Likewise a whole number from 1 to `sampleMax`. */
export function sampleOf(text: string): number {
  const sample = /^\d{1,10}$/.test(text) ? Number(text) : NaN
  return sample >= 1 && sample <= traceLimits.sampleMax ? sample : NaN
}
