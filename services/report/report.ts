// A report as one HTML file that needs nothing else: no server, no network. What it says is data; the page that draws it (page/) is built with the
// package. Used by bench (services/bench/page.ts); a new kind of section is a type
// in model.ts and a function in page/main.ts.
import { readFileSync } from 'node:fs'
import { escapeForScript } from './escape.ts'
import type { Report } from './model.ts'

// Beside the compiled code, also when this file runs from source.
const here = import.meta.url
const pageUrl = new URL(here.endsWith('.ts') ? '../../dist/services/report/page.html' : './page.html', here)

/** The whole file. @throws SystemError where the package was not built */
export function reportPage(report: Report): string {
  const page = readFileSync(pageUrl, 'utf8')
  // Functions: in a replacement text `$` would have a meaning.
  return page
    .replace('<title></title>', () => `<title>${escapeText(report.title)}</title>`)
    .replace('id="report"></script>', () => `id="report">${escapeForScript(JSON.stringify(report))}</script>`)
}

const escapeText = (text: string): string => text.replace(/&/g, '&amp;').replace(/</g, '&lt;')
