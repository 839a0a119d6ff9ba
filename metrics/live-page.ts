// The live page as the admin server sends it: one file, made at build time by page/build.mjs, which asks nothing of anybody but this
// server. Used by the daemon (`serve`).

import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import type { Route } from './admin-server.ts'

// Beside the compiled code, also when this file runs from source.
const here = import.meta.url
const pageUrl = new URL(here.endsWith('.ts') ? '../dist/metrics/page.html' : './page.html', here)

const hashesOf = (html: string, tag: string): string =>
  [...html.matchAll(new RegExp(`<${tag}>([\\s\\S]*?)</${tag}>`, 'g'))]
    .map(([, text]) => `'sha256-${createHash('sha256').update(text!).digest('base64')}'`)
    .join(' ')

/** Nothing but what is in the page itself, and this server's own answers. */
function contentSecurityPolicy(html: string): string {
  return [
    "default-src 'none'",
    `script-src ${hashesOf(html, 'script')}`,
    `style-src ${hashesOf(html, 'style')}`,
    'img-src data:',
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ')
}

/** What was built; null: it was not, which is no reason not to serve everything else. */
function readPage(): string | null {
  try {
    return readFileSync(pageUrl, 'utf8')
  } catch {
    return null
  }
}

/** GET / for browsers. Undefined where the page was not built: then they get the index. */
export function livePage(): Route | undefined {
  const html = readPage()
  if (html === null) return undefined
  const plain = Buffer.from(html)
  const compressed = gzipSync(plain, { level: 9 })
  const headers = {
    'Content-Security-Policy': contentSecurityPolicy(html),
    'Cross-Origin-Opener-Policy': 'same-origin',
    'X-Frame-Options': 'DENY',
    Vary: 'Accept, Accept-Encoding',
  }
  return (request) => {
    const takesGzip = /\bgzip\b/.test(request.headers['accept-encoding'] ?? '')
    return {
      status: 200,
      contentType: 'text/html; charset=utf-8',
      body: takesGzip ? compressed : plain,
      headers: takesGzip ? { ...headers, 'Content-Encoding': 'gzip' } : headers,
    }
  }
}
