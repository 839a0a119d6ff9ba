// Puts the live page into one file: `npm run build:ts` runs it after the compiler. Script and style are inlined, the licences of what
// comes with them too, and the result asks nothing of anybody but the server that it came from.
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const path = (relative) => fileURLToPath(new URL(relative, import.meta.url))

/** One bundle as text. */
async function bundle(entry) {
  const { outputFiles } = await build({
    entryPoints: [path(entry)],
    bundle: true,
    minify: true,
    write: false,
    format: 'iife',
    target: 'es2022',
    // Comments that must stay, of which uPlot's licence is one.
    legalComments: 'inline',
    logLevel: 'warning',
    outdir: path('../../dist/metrics'),
  })
  return outputFiles[0].text.trim()
}

const [page, script, style, plotStyle] = await Promise.all([
  readFile(path('index.html'), 'utf8'),
  bundle('main.ts'),
  bundle('style.css'),
  readFile(path('../../node_modules/uplot/dist/uPlot.min.css'), 'utf8'),
])
if (script.includes('</script')) throw new Error('the script would end the element that it is in')

// A function: in a replacement text `$` would have a meaning.
const html = page
  .replace('<style></style>', () => `<style>${plotStyle}${style}</style>`)
  .replace('<script></script>', () => `<script>${script}</script>`)
await mkdir(path('../../dist/metrics'), { recursive: true })
await writeFile(path('../../dist/metrics/page.html'), html)
