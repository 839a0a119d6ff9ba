// Puts the page of reports into one file: `npm run build:ts` runs it after the compiler.
import { buildPage } from '../../../metrics/page/one-file.mjs'

await buildPage(new URL('./', import.meta.url), new URL('../../../dist/services/report/page.html', import.meta.url))
