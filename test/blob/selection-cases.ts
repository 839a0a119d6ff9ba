// What ranges and conditions of a GET come to, as data: RFC 9110 sections 13 and 14, asked of a file of a thousand bytes. Used by
// selection.test.ts.

/** Old enough for strong validators. */
export const changedMs: number = Date.UTC(2024, 1, 29, 12, 34, 56)
const date = 'Thu, 29 Feb 2024 12:34:56 GMT'
const before = 'Thu, 29 Feb 2024 12:34:55 GMT'
const after = 'Thu, 29 Feb 2024 12:34:57 GMT'

export interface SelectionCase {
  readonly headers: string
  readonly status: number
  /** First and last byte of each part; default: all of it with 200, nothing otherwise. */
  readonly parts?: readonly (readonly [number, number])[]
  readonly method?: string
  readonly target?: string
}

const row = (headers: string, status: number, more: Partial<SelectionCase> = {}): SelectionCase => ({
  headers,
  status,
  ...more,
})
const range = (value: string, status: number, ...parts: (readonly [number, number])[]): SelectionCase =>
  row(`Range: ${value}`, status, parts.length > 0 ? { parts } : {})

/** ETAG stands for the file's own tag. */
export const rangeCases: readonly SelectionCase[] = [
  range('bytes=0-8', 206, [0, 8]),
  range('bytes=-10', 206, [990, 999]),
  range('bytes=990-', 206, [990, 999]),
  range('bytes=990-1990', 206, [990, 999]),
  range('bytes=0-0', 206, [0, 0]),
  range('bytes=999-', 206, [999, 999]),
  range('bytes=0-', 206, [0, 999]),
  range('bytes=-1000', 206, [0, 999]),
  range('bytes=-5000', 206, [0, 999]),
  range('bytes=0-10001', 206, [0, 999]),
  range('bytes=000-0008', 206, [0, 8]),
  range('Bytes=0-8', 206, [0, 8]),
  range('bytes=1-18446744073709551616', 206, [1, 999]),
  // Nothing of it is there.
  range('bytes=1000-', 416),
  range('bytes=100000-', 416),
  range('bytes=18446744073709551616-', 416),
  range('bytes=1000-1001,2000-', 416),
  range('bytes=-0', 416),
  range('bytes=5-4', 416),
  // No ranges, as section 14.2 lets a server take them: as if they were not there.
  ...['alpha', '10-alpha', '10', '10-11 12-', '-', '--1', '0-1-2', '0x0-1', '+0-1', '0 - 1', '', ',', '0-1;2-3'].map(
    (value) => range(`bytes=${value}`, 200),
  ),
  range('bytes', 200),
  range('bytes 0-1', 200),
  range('lines=0-1', 200),
  // Several.
  range('bytes=0-9, -10, 20-29', 206, [0, 9], [990, 999], [20, 29]),
  range('bytes=0-9,, ,20-29,', 206, [0, 9], [20, 29]),
  range('bytes=0-9\t,\t20-29', 206, [0, 9], [20, 29]),
  range('bytes=0-9, 100000-, 20-29', 206, [0, 9], [20, 29]),
  range('bytes=0-9, 100000-', 206, [0, 9]),
  // What overlaps is sent once: section 17.15.
  range('bytes=0-10001, 0-0', 206, [0, 999]),
  range('bytes=0-9, 5-19, 15-20', 206, [0, 20]),
  range(`bytes=${'0-,'.repeat(60)}0-`, 206, [0, 999]),
  // Too many.
  range(`bytes=${'0-0,'.repeat(1000)}5-5`, 200),
  range(`bytes=${Array.from({ length: 65 }, (_, at) => `${at * 10}-${at * 10}`).join(',')}`, 200),
  // Not for this.
  row('Range: bytes=0-8', 200, { method: 'HEAD' }),
  row('Range: bytes=0-8', 404, { target: '/b/missing' }),
  row('Range: bytes=0-', 416, { target: '/b/empty' }),
]

export const conditionCases: readonly SelectionCase[] = [
  // If-None-Match: section 13.1.2.
  row('If-None-Match: ETAG', 304),
  row('If-None-Match: W/ETAG', 304),
  row('If-None-Match: *', 304),
  row('If-None-Match: "foo", "bar", ETAG , "baz"', 304),
  row('If-None-Match: "foo"\r\nIf-None-Match: ETAG', 304),
  row('If-None-Match: "foo,bar",ETAG', 304),
  row('If-None-Match: "foo"', 200),
  row('If-None-Match: foo', 200),
  row('If-None-Match: "ETAG"', 200),
  row('If-None-Match: ETAG', 304, { method: 'HEAD' }),
  row('If-None-Match: *', 404, { target: '/b/missing' }),
  // If-Modified-Since: section 13.1.3, in the three forms of a date (5.6.7).
  row(`If-Modified-Since: ${date}`, 304),
  row(`If-Modified-Since: ${after}`, 304),
  row(`If-Modified-Since: ${before}`, 200),
  row('If-Modified-Since: Thursday, 29-Feb-24 12:34:56 GMT', 304),
  row('If-Modified-Since: Thu Feb 29 12:34:56 2024', 304),
  row('If-Modified-Since: Fri, 25 Feb 2174 09:42:23 GMT', 304),
  row('If-Modified-Since: 2024-03-01', 200),
  row('If-Modified-Since: tomorrow', 200),
  row('If-Modified-Since: 1709210096', 200),
  row(`If-None-Match: "foo"\r\nIf-Modified-Since: ${date}`, 200),
  row(`If-None-Match: ETAG\r\nIf-Modified-Since: ${before}`, 304),
  row(`Cache-Control: no-cache\r\nIf-None-Match: ETAG`, 304),
  // If-Match: section 13.1.1.
  row('If-Match: ETAG', 200),
  row('If-Match: *', 200),
  row('If-Match: "foo", "bar", \tETAG , "baz"', 200),
  row('If-Match: "foo"', 412),
  row('If-Match: W/ETAG', 412),
  row('If-Match: "foo"', 412, { method: 'HEAD' }),
  row('If-Match: "foo"', 404, { target: '/b/missing' }),
  // If-Unmodified-Since: section 13.1.4.
  row(`If-Unmodified-Since: ${date}`, 200),
  row(`If-Unmodified-Since: ${after}`, 200),
  row(`If-Unmodified-Since: ${before}`, 412),
  row('If-Unmodified-Since: nonsense', 200),
  row(`If-Match: ETAG\r\nIf-Unmodified-Since: ${before}`, 200),
  row(`If-Match: "foo"\r\nIf-Unmodified-Since: ${after}`, 412),
  // Order: section 13.2.2.
  row('If-Match: ETAG\r\nIf-None-Match: ETAG', 304),
  row('If-Match: "foo"\r\nIf-None-Match: ETAG', 412),
  row(`If-Unmodified-Since: ${before}\r\nIf-Modified-Since: ${after}`, 412),
  row('If-None-Match: ETAG\r\nRange: bytes=0-9', 304),
  row('If-Match: "foo"\r\nRange: bytes=0-9', 412),
  row('If-Match: "foo"\r\nRange: bytes=5000-', 412),
  row('If-Match: ETAG\r\nRange: bytes=0-9', 206, { parts: [[0, 9]] }),
  // If-Range: section 13.1.5.
  row('If-Range: ETAG\r\nRange: bytes=0-9', 206, { parts: [[0, 9]] }),
  row(`If-Range: ${date}\r\nRange: bytes=0-9`, 206, { parts: [[0, 9]] }),
  row('If-Range: ETAG\r\nRange: bytes=5000-', 416),
  row('If-Range: "foo"\r\nRange: bytes=0-9', 200),
  row('If-Range: "foo"\r\nRange: bytes=5000-', 200),
  row('If-Range: W/ETAG\r\nRange: bytes=0-9', 200),
  row('If-Range: wrong\r\nRange: bytes=0-9', 200),
  row(`If-Range: ${before}\r\nRange: bytes=0-9`, 200),
  row(`If-Range: ${after}\r\nRange: bytes=0-9`, 200),
  row('If-Range: ETAG', 200),
]
