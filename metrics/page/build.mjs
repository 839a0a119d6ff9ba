// Puts the live page into one file: `npm run build:ts` runs it after the compiler.
import { buildPage } from './one-file.mjs'

await buildPage(new URL('./', import.meta.url), new URL('../../dist/metrics/page.html', import.meta.url))
