// Which format and which encoding a scraper gets, by its headers (RFC 9110, 12.5). Called by render.ts. Negotiator reads the headers: quality values,
// wildcards and parameters have more cases than one would think.
import Negotiator from 'negotiator'

export type MetricsFormat = 'text' | 'openmetrics' | 'protobuf'

/** What is sent. */
const contentTypes: Readonly<Record<MetricsFormat, string>> = {
  text: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
  protobuf: 'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited',
}
const formats = Object.keys(contentTypes) as MetricsFormat[]

// How names outside of [a-zA-Z0-9_:] may be written (Prometheus 3): ours have none, so every way is the same.
const escapingParameter = /;\s*escaping=[^;,]*/gi
/** Longer ones are nobody's. */
const headerLengthMax = 4096

/** As far as it is read: an item that was cut in two would mean something else. */
const wholeItems = (header: string): string =>
  header.length <= headerLengthMax ? header : header.slice(0, Math.max(0, header.lastIndexOf(',', headerLengthMax)))

export interface NegotiatedFormat {
  readonly format: MetricsFormat
  readonly contentType: string
}

/**
 * `preferred` where the client does not mind, or allows nothing we have: a scrape of a wrong type says more than none.
 */
export function negotiateFormat(accept: string | undefined, preferred: MetricsFormat): NegotiatedFormat {
  const header = accept && wholeItems(accept).replace(escapingParameter, '')
  const negotiator = new Negotiator({ headers: header === undefined ? {} : { accept: header } })
  const inOrder = [preferred, ...formats.filter((format) => format !== preferred)]
  const chosen = negotiator.mediaType(inOrder.map((format) => contentTypes[format]))
  const format = formats.find((known) => contentTypes[known] === chosen) ?? preferred
  return { format, contentType: contentTypes[format] }
}

/** Whether gzip is asked for, and nothing else rather: not where it is only not refused. */
export function acceptsGzip(acceptEncoding: string | undefined): boolean {
  if (acceptEncoding === undefined) return false
  const headers = { 'accept-encoding': wholeItems(acceptEncoding) }
  return new Negotiator({ headers }).encodings(['gzip', 'identity'])[0] === 'gzip'
}
