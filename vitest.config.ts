// How the tests run: one file at a time, in a process of its own, because tests count the threads and descriptors of theirs
// and share few CPUs with the rings they measure.
import { defineConfig } from 'vitest/config'
import type { ViteUserConfig } from 'vitest/config'

const threadsOnly = 'test/**/*.threads.test.ts'

/** What must hold without the addon, too. */
const withoutAddon = ['abort', 'file', 'lifecycle', 'open-flags', 'read-file', 'stat', 'admission/files']
  .map((name) => `test/services/${name}.test.ts`)
  .concat('test/http/confinement.test.ts', 'test/http/range-requests.test.ts')

const config: ViteUserConfig = defineConfig({
  test: {
    pool: 'forks',
    fileParallelism: false,
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // Long enough for a ring to drain after its test failed; a file that hangs longer is killed and counted.
    teardownTimeout: 10_000,
    setupFiles: './test/tooling/conservation.ts',
    globalSetup: './test/tooling/global-setup.ts',
    reporters: ['default', './test/reporter/summary-line.ts'],
    projects: [
      { extends: true, test: { name: 'forks', include: ['test/**/*.test.ts'], exclude: [threadsOnly] } },
      // The same specifications in plain Node.js: where there is no addon, files are read and written as everywhere.
      {
        extends: true,
        test: { name: 'plain', include: withoutAddon, env: { RINGMASTER_ADDON: 'none' } },
      },
      // The addon loaded by several threads of one process: it must keep its state per environment.
      { extends: true, test: { name: 'threads', include: [threadsOnly], pool: 'threads' } },
    ],
  },
})
export default config
