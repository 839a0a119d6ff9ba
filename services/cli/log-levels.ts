// How severe a log line may be, from most to least. Used by log.ts, and by serve.ts for its option.

export const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const
export type LogLevel = (typeof logLevels)[number]
