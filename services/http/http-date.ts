// Dates of HTTP headers, the three forms of RFC 9110 section 5.6.7 and nothing else. Used by conditions.ts.
// Date.parse alone takes '2099' or '1 Jan' for a date, and reads the asctime form, which has no zone, as local time.

const httpDateForms: readonly RegExp[] = [
  /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/,
  /^(Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day, \d{2}-[A-Z][a-z]{2}-\d{2} \d{2}:\d{2}:\d{2} GMT$/,
  /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun) [A-Z][a-z]{2} [ \d]\d \d{2}:\d{2}:\d{2} \d{4}$/,
]

/** Milliseconds since the epoch, or undefined when `text` is no HTTP date and must be ignored. */
export function parseHttpDateMs(text: string): number | undefined {
  const form = httpDateForms.findIndex((pattern) => pattern.test(text))
  if (form === -1) return undefined
  const ms = Date.parse(form === 2 ? `${text} GMT` : text)
  return Number.isNaN(ms) ? undefined : ms
}

/** The form to send. HTTP has whole seconds only. */
export function formatHttpDate(ms: number): string {
  return new Date(ms).toUTCString()
}
