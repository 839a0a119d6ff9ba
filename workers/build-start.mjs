// Writes dist/workers/ring-worker-start.cjs, what a ring worker's thread loads first (pool.ts): `npm run build:ts` runs it after the compiler.
//
// CommonJS, because piscina require()s its file: Node.js 20 ends the whole process when a thread is terminated while require() links an ES
// module ("IsGraphAsync must be used on an instantiated module", one of some 500 threads that ended as they started). import() survives it.
// File by file, dependencies first: import() opens at once whatever a module imports, some twenty files, in as many threads as
// there are rings, and a process with few descriptors has not as many left.
import { writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const folder = fileURLToPath(new URL('../dist/workers/', import.meta.url))
const entry = 'ring-worker.js'

// Only the graph is wanted.
const { metafile } = await build({
  entryPoints: [folder + entry],
  bundle: true,
  write: false,
  metafile: true,
  platform: 'node',
  format: 'esm',
  packages: 'external',
  absWorkingDir: folder,
  logLevel: 'warning',
})

/** Dependencies before what imports them; a cycle begins anywhere. */
const order = new Set()
const visited = new Set()
function visit(file) {
  if (visited.has(file)) return
  visited.add(file)
  for (const { path, external, kind } of metafile.inputs[file].imports)
    if (external !== true && kind === 'import-statement') visit(path)
  order.add(file.startsWith('.') ? file : `./${file}`)
}
visit(entry)

const list = [...order].map((file) => `  '${file}',`).join('\n')
await writeFile(
  `${folder}ring-worker-start.cjs`,
  `// Written by workers/build-start.mjs, which says why.
'use strict'

const files = [
${list}
]

async function load() {
  for (const file of files) await import(file)
  return import('./${entry}')
}

const loaded = load()
loaded.catch(() => undefined) // told to whoever starts a ring

module.exports = async (task) => (await loaded).default(task)
`,
)
