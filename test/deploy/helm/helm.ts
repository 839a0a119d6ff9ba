// The real helm, as an npm package brings it, and what it makes of the chart. Used by the tests beside this file.
//
// @aws-cdk/asset-kubectl-v20 is a zip with the helm (3.8) and kubectl of AWS' build tools, without dependencies: no other registry that
// a checkout may use has helm. A `helm` on the PATH wins.
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseAllDocuments } from 'yaml'

export const chartFolder: string = fileURLToPath(new URL('../../../deploy/helm/ringmaster/', import.meta.url))

/** An API server that the chart is for; helm 3.8 would think of 1.23. */
const kubeVersion = '1.31.0'

const extractHelm = `
import os, sys, zipfile
archive, path = sys.argv[1:]
with zipfile.ZipFile(archive) as zipped, open(path, 'wb') as helm:
    helm.write(zipped.read('helm/helm'))
os.chmod(path, 0o755)
`

/** Where helm is, taken out of its package into `folder` if need be; or why there is none. */
export function findHelm(folder: string): { readonly path: string } | { readonly missing: string } {
  if (spawnSync('helm', ['version']).status === 0) return { path: 'helm' }
  const path = join(folder, 'helm')
  const require = createRequire(import.meta.url)
  const archive = join(dirname(require.resolve('@aws-cdk/asset-kubectl-v20/package.json')), 'lib', 'layer.zip')
  const { status, stderr, error } = spawnSync('python3', ['-c', extractHelm, archive, path], { encoding: 'utf8' })
  if (status !== 0) return { missing: `helm cannot be unpacked: ${error?.message ?? stderr}` }
  const version = spawnSync(path, ['version'], { encoding: 'utf8' })
  if (version.status === 0) return { path }
  return { missing: `helm does not run here (it is for x86-64): ${version.error?.message ?? version.stderr}` }
}

export interface Manifest {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> }
  readonly spec?: unknown
  readonly data?: Readonly<Record<string, string>>
}

export type Values = Readonly<Record<string, unknown>>

/** `helm COMMAND … -f values`: what it prints, or throws with what it has against it. */
export function runHelm(helm: string, args: readonly string[], values: Values = {}): string {
  const folder = mkdtempSync(join(tmpdir(), 'ringmaster-helm-'))
  try {
    const file = join(folder, 'values.json')
    writeFileSync(file, JSON.stringify(values))
    const { status, stdout, stderr, error } = spawnSync(helm, [...args, '-f', file], { encoding: 'utf8' })
    if (status !== 0) throw new Error(error?.message ?? stderr + stdout)
    return stdout
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** The manifests of the chart with these values. */
export function render(helm: string, values: Values = {}, release = 'r'): Manifest[] {
  const text = runHelm(helm, ['template', release, chartFolder, '--kube-version', kubeVersion], values)
  return parseAllDocuments(text).flatMap((document) => {
    const [error] = document.errors
    if (error !== undefined) throw error
    const manifest: unknown = document.toJS()
    return manifest === null ? [] : [manifest as Manifest]
  })
}

/** What `helm install` would say at its end; without a cluster helm shows it only as a part of a manifest. */
export function renderNotes(helm: string, values: Values = {}): string {
  const folder = mkdtempSync(join(tmpdir(), 'ringmaster-chart-'))
  try {
    cpSync(chartFolder, folder, { recursive: true })
    if (!existsSync(join(folder, 'templates', 'NOTES.txt'))) throw new Error('the chart has no NOTES.txt')
    const notes = '{{ toYaml (dict "notes" (include (print $.Template.BasePath "/NOTES.txt") .)) }}\n'
    writeFileSync(join(folder, 'templates', 'shown-notes.yaml'), notes)
    const args = ['template', 'r', folder, '--kube-version', kubeVersion, '--show-only', 'templates/shown-notes.yaml']
    const shown = parseAllDocuments(runHelm(helm, args, values))[0]?.toJS() as { notes: string }
    return shown.notes
  } finally {
    rmSync(folder, { recursive: true })
  }
}
