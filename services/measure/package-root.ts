// Finds the package from a compiled file or its source: C sources are not copied into dist. Called by services/bench/ and test/bench.
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'

export function packageRoot(): string {
  let directory = import.meta.dirname
  while (!existsSync(join(directory, 'package.json'))) {
    const parent = dirname(directory)
    if (parent === directory) throw new Error(`there is no package.json above ${import.meta.dirname}`)
    directory = parent
  }
  return directory
}
