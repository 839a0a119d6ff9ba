// Puts a page into one file: script and style are inlined, the licences of what comes with them too, and the result asks nothing of
// anybody but the server that it came from. Called by build.mjs for the live page, and by the one of services/report/page.
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const path = (relative) => fileURLToPath(new URL(relative, import.meta.url))

/** One bundle as text, and the packages that are in it. */
async function bundle(entryUrl) {
  const { outputFiles, metafile } = await build({
    entryPoints: [fileURLToPath(entryUrl)],
    bundle: true,
    minify: true,
    write: false,
    format: 'iife',
    target: 'es2022',
    // Licences are added below, whole: esbuild keeps a comment only where it is marked as one to be kept.
    legalComments: 'none',
    metafile: true,
    logLevel: 'warning',
    outdir: path('../../dist/metrics'),
  })
  const packages = Object.keys(metafile.inputs).flatMap(
    (file) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1] ?? [],
  )
  return { text: outputFiles[0].text.trim(), packages }
}

/** A package's licence as a comment. @throws Error where it has none: then it cannot be given on */
async function licenceOf(name) {
  const folder = path(`../../node_modules/${name}/`)
  const file = (await readdir(folder)).find((one) => /^licen[cs]e/i.test(one))
  if (file === undefined) throw new Error(`${name} has no licence that could go into the page`)
  const text = await readFile(folder + file, 'utf8')
  if (text.includes('*/')) throw new Error(`the licence of ${name} would end the comment that it is in`)
  return `/*! ${name}\n\n${text.trim()}\n*/\n`
}

/** `folder`: of index.html, main.ts and style.css. `output`: the file that is made of them. */
export async function buildPage(folder, output) {
  const [page, script, style, plotStyle] = await Promise.all([
    readFile(new URL('index.html', folder), 'utf8'),
    bundle(new URL('main.ts', folder)),
    bundle(new URL('style.css', folder)),
    readFile(path('../../node_modules/uplot/dist/uPlot.min.css'), 'utf8'),
  ])
  const packages = new Set(['uplot', ...script.packages, ...style.packages])
  const licences = (await Promise.all([...packages].map(licenceOf))).join('')
  if (/<\/script/i.test(licences + script.text)) throw new Error('the script would end the element that it is in')

  // A function: in a replacement text `$` would have a meaning.
  const html = page
    .replace('<style></style>', () => `<style>${plotStyle}${style.text}</style>`)
    .replace('<script></script>', () => `<script>${licences}${script.text}</script>`)
  await mkdir(dirname(fileURLToPath(output)), { recursive: true })
  await writeFile(output, html)
}
