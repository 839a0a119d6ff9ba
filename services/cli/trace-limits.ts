// What a trace over the admin port may be. Used by trace-route.ts, which answers, and trace.ts, which asks.

export const traceFormats = ['chrome', 'events'] as const
export type TraceFormat = (typeof traceFormats)[number]

export const traceLimits = {
  secondsUsual: 5,
  secondsMax: 60,
  sampleMax: 1_000_000,
  /** Events in one answer: the last ones. Chrome's format has seven for each. */
  eventsMax: { chrome: 20_000, events: 5_000 },
} as const
