// The types that are shipped stand alone: a strict program without the DOM's types, and without skipping libraries' own.
import { spawnSync } from 'node:child_process'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { temporaryFolder } from '../services/harness.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

const program = `
  import { Ringmaster, capabilities } from 'ringmaster'
  import { flags, op, recvStream } from 'ringmaster/raw'

  await using rings = await Ringmaster.start({ rings: 1 })
  const { rings: verdict } = await capabilities()
  const file = await rings.open('data', 'r')
  const { bytesRead } = await file.read(Buffer.alloc(1))
  const raw = rings.raw()
  const [opened, read] = await raw.chain().link(op.openat({ path: 'data' })).link(op.nop(), { quiet: true }).submit()
  if (opened.status === 'done' && read.status === 'done') console.log(opened.value, read.value, bytesRead, verdict.ok)
  for await (const lease of raw.stream(recvStream({ fd: 0, buffers: raw.provideBuffers({ count: 1, sizeBytes: 1 }) })))
    console.log(lease.bytes.length, flags.PollEvent.POLLIN)
  const either = { fd: 0, buffers: raw.provideBuffers({ count: 1, sizeBytes: 1 }), bundle: process.argv.length > 2 }
  for await (const lease of raw.stream(recvStream(either))) lease.release()
  ;(await raw.submit(op.recv(either)))?.release()
  using slab = rings.arena().lease()
  console.log(slab.buffer, (await raw.messages().next()).value?.data)
  export const wrong: string = bytesRead
`

it('compile in a strict project, and find its mistakes', () => {
  const folder = temporaryFolder()
  mkdirSync(`${folder.path}/node_modules/@types`, { recursive: true })
  symlinkSync(root, `${folder.path}/node_modules/ringmaster`)
  symlinkSync(`${root}/node_modules/@types/node`, `${folder.path}/node_modules/@types/node`)
  writeFileSync(`${folder.path}/package.json`, '{ "type": "module" }')
  writeFileSync(`${folder.path}/program.ts`, program)
  const compilerOptions = {
    target: 'es2022',
    lib: ['es2022', 'esnext.disposable'],
    module: 'nodenext',
    types: ['node'],
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: false,
    noEmit: true,
  }
  writeFileSync(`${folder.path}/tsconfig.json`, JSON.stringify({ compilerOptions, include: ['program.ts'] }))
  const compiler = `${root}/node_modules/typescript/bin/tsc`
  const { stdout } = spawnSync(process.execPath, [compiler, '-p', folder.path], { encoding: 'utf8' })
  const errors = stdout.split('\n').filter((line) => line.includes('error TS'))
  expect(errors).toEqual([expect.stringMatching(/program\.ts.*TS2322.*'number' is not assignable to type 'string'/)])
  folder.remove()
})
