// Every plane of the program, found in the sources: a plane in a new file cannot be forgotten by the tests that check all of them.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Plane } from '../../metrics/plane.ts'

const root = join(import.meta.dirname, '../..')
const declaration = /^export const \w+: Plane</m

const isPlane = (value: unknown): value is Plane<never> =>
  typeof value === 'object' && value !== null && 'rows' in value && 'subjectLabels' in value

export async function allPlanes(): Promise<readonly Plane<never>[]> {
  const files = ['metrics', 'workers', 'services'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .map((file) => join(folder, file)),
  )
  const declaring = files.filter((file) => declaration.test(readFileSync(join(root, file), 'utf8')))
  const modules = await Promise.all(
    declaring.map(async (file) => (await import(pathToFileURL(join(root, file)).href)) as Record<string, unknown>),
  )
  return modules.flatMap((module) => Object.values(module).filter(isPlane))
}
