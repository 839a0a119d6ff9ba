// One example of what a counter or a bucket counted: the trace it belongs to. Kept by who counts, written by formats/.

export interface Exemplar {
  /** At most 128 characters, names and values together (OpenMetrics 1.0.0, "Exemplars"). */
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
  /** As Date.now(). */
  readonly timestampMs: number
}

// W3C Trace Context, "traceparent": version, trace id, parent id, flags, in lower-case hexadecimal; version ff is none, later ones may go on.
const traceparentPattern = /^(?!ff)[\da-f]{2}-(?!0{32})([\da-f]{32})-(?!0{16})([\da-f]{16})-([\da-f]{2})(?:-|$)/
const sampledFlag = 1

/**
 * The exemplar's labels of a `traceparent` header; null where it is none, or names a trace that nobody keeps: an exemplar that leads nowhere is worse
 * than none.
 */
export function traceLabels(traceparent: string | undefined): Exemplar['labels'] | null {
  if (traceparent === undefined || traceparent.length > 512) return null
  const match = traceparentPattern.exec(traceparent)
  if (match === null) return null
  const [header, traceId = '', spanId = '', flags = ''] = match
  if (traceparent.startsWith('00') && header.length !== traceparent.length) return null
  return (Number.parseInt(flags, 16) & sampledFlag) === 0 ? null : { trace_id: traceId, span_id: spanId }
}
