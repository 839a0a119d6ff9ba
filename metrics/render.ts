// A scrape: all metrics of a registry, ours and others', in the format that was asked for. Called by the admin server for /metrics; for users of the
// library who serve their registry themselves.
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { Registry } from 'prom-client'
import { planesOf, type MetricsRegistry } from './exporter.ts'
import { collectLimitMs, readForeign } from './formats/foreign.ts'
import { acceptsGzip, negotiateFormat } from './formats/negotiate.ts'
import { Output } from './formats/output.ts'
import { writeProtobuf } from './formats/protobuf.ts'
import { writeFamilies } from './formats/text.ts'
import { invalidArgument } from './invalid-argument.ts'
import type { Family } from './plane-collector.ts'
import { msPerSecond } from './plane.ts'

/** Headers of the scraper's request, as node:http gives them. */
export interface ScrapeHeaders {
  readonly accept?: string | string[] | undefined
  readonly 'accept-encoding'?: string | string[] | undefined
  /** How long Prometheus waits. */
  readonly 'x-prometheus-scrape-timeout-seconds'?: string | string[] | undefined
}

/** As fetch has them: `new Request(…).headers`. */
interface HeadersObject {
  get(name: string): string | null
}

export interface RenderedMetrics {
  readonly contentType: string
  /** Null: as it is. */
  readonly contentEncoding: 'gzip' | null
  readonly body: Buffer
  /** To be called when the body was sent and is not read any more: its memory is the next scrape's. Need not be called. */
  readonly release: () => void
}

/** Below this a packet holds it anyway. */
const gzipSizeBytesMin = 1400
/** Metrics are mostly repetition: more effort hardly makes them smaller. */
const gzipLevel = 1

/** Of the time that the scraper waits: the rest is for writing, compressing and the network. */
const collectShare = 0.75

const compress = promisify<Buffer, { level: number }, Buffer>(gzip)

/**
 * Text 0.0.4, OpenMetrics 1.0.0, or protobuf with native histograms, as `headers` ask, and as the registry's content type says where they do not; gzip where asked for and worth it. A metric of others that
 * throws, or takes more than 2 s or three quarters of `X-Prometheus-Scrape-Timeout-Seconds`, is missing, and counted in
 * ringmaster_exporter_collector_failures_total; one that is late is asked again when it has come back, and not waited for until then.
 * Rejects with ERR_INVALID_ARG_TYPE where `registry` is none of prom-client's, or `headers` are none.
 */
export async function renderMetrics(
  registry: MetricsRegistry,
  headers: ScrapeHeaders | HeadersObject = {},
): Promise<RenderedMetrics> {
  const planes = planesOf(registry)
  const header = headerReader(headers)
  const openMetrics = registry.contentType === Registry.OPENMETRICS_CONTENT_TYPE
  const { format, contentType } = negotiateFormat(header('accept'), openMetrics ? 'openmetrics' : 'text')
  const ours: Family[] = []
  const others: (object & { name: string })[] = []
  for (const metric of registry.getMetricsAsArray()) {
    const family = planes.families.get(metric)
    if (family === undefined) others.push(metric)
    else ours.push(family)
  }
  const foreign = await readForeign(
    registry,
    others,
    planes.failures,
    collectLimitOf(header('x-prometheus-scrape-timeout-seconds')),
  )
  // From here to the end of writing in one turn: families hold their values until they are read again.
  const output = new Output()
  const startNs = process.hrtime.bigint()
  if (format === 'protobuf') writeProtobuf(output, ours, foreign)
  else writeFamilies(output, format, ours, foreign)
  planes.written(Number(process.hrtime.bigint() - startNs))
  const body = output.written
  const release = (): void => {
    output.release()
  }
  const wantsGzip = acceptsGzip(header('accept-encoding'))
  if (!wantsGzip || body.length < gzipSizeBytesMin) return { contentType, contentEncoding: null, body, release }
  const compressed = await compress(body, { level: gzipLevel })
  release()
  return { contentType, contentEncoding: 'gzip', body: compressed, release: () => undefined }
}

/** @throws ERR_INVALID_ARG_TYPE */
function headerReader(headers: ScrapeHeaders | HeadersObject): (name: keyof ScrapeHeaders) => string | undefined {
  const given: unknown = headers
  if (typeof given !== 'object' || given === null)
    throw invalidArgument('headers', 'the headers of a request, or left out', given)
  return (name) => {
    if ('get' in headers && typeof headers.get === 'function') return headers.get(name) ?? undefined
    const value: unknown = Reflect.get(headers, name)
    return Array.isArray(value) ? value.join() : typeof value === 'string' ? value : undefined
  }
}

function collectLimitOf(timeoutSeconds: string | undefined): number {
  const waitMs = Number(timeoutSeconds) * msPerSecond
  return waitMs > 0 ? Math.min(collectLimitMs, waitMs * collectShare) : collectLimitMs
}
