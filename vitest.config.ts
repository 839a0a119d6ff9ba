// How the tests run: each file in a process of its own, because tests count the threads and descriptors of theirs. Two files at a time,
// since most wait as much as they work: for threads and processes to start, for time to pass, for the kernel. Then, one at a time,
// those that change or measure what all processes of the machine share.
import { defineConfig } from 'vitest/config'
import type { ViteUserConfig } from 'vitest/config'

const threadsOnly = 'test/**/*.threads.test.ts'

/** What must hold without the addon, too. */
const withoutAddon = ['abort', 'file', 'lifecycle', 'open-flags', 'read-file', 'stat', 'admission/files']
  .map((name) => `test/services/${name}.test.ts`)
  .concat('test/http/confinement.test.ts', 'test/http/range-requests.test.ts')

/** What node:http's file service answers, and the blob service as well. */
const blobToo = ['bad-input', 'confinement', 'drain', 'file-service', 'range-requests', 'traffic', 'transfers'].map(
  (name) => `test/http/${name}.test.ts`,
)

/**
 * What runs alone, and why.
 * - kernel.io_uring_disabled is set for a moment: processes without privileges have no rings meanwhile.
 * - Memory that may be locked is counted for each user, whoever locks it: two tests with a limit would take it from each other.
 * - How busy SQ threads are, how long turns take and whether a thread starves are measured: CPUs that somebody else has are missing there.
 */
const alone = [
  ...['native/capabilities', 'services/denial', 'services/privileges'],
  ...['services/arena-memlock', 'services/rings-memlock', 'services/raw/buffers-memlock', 'native/ring-memory'],
  ...['doctor/policy', 'doctor/limits'],
  ...['services/placement/start', 'services/advice/adaptation', 'services/machine/facts'],
  ...['services/advice/advisor', 'services/raw/starvation', 'services/admission/event-loop'],
  ...['workers/foreground-latency', 'workers/background-share', 'workers/idle-strategy', 'native/poll-slice'],
].map((name) => `test/${name}.test.ts`)

/** Files at a time. Not more where there are more CPUs: a file has threads that spin, its own and the kernel's. */
const together = { maxWorkers: 2, sequence: { groupOrder: 0 } }
const afterwards = { maxWorkers: 1, sequence: { groupOrder: 1 } }

const config: ViteUserConfig = defineConfig({
  test: {
    pool: 'forks',
    // Some thirty times what most need alone: CI machines are busy with other things, too.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Long enough for a ring to drain after its test failed; a file that hangs longer is killed and counted.
    teardownTimeout: 10_000,
    setupFiles: './test/tooling/conservation.ts',
    globalSetup: './test/tooling/global-setup.ts',
    reporters: ['default', './test/reporter/summary-line.ts'],
    projects: [
      {
        extends: true,
        test: { ...together, name: 'forks', include: ['test/**/*.test.ts'], exclude: [threadsOnly, ...alone] },
      },
      { extends: true, test: { ...afterwards, name: 'alone', include: alone } },
      // The same specifications in plain Node.js: where there is no addon, files are read and written as everywhere.
      {
        extends: true,
        test: { ...together, name: 'plain', include: withoutAddon, env: { RINGMASTER_ADDON: 'none' } },
      },
      // The same specifications for the blob service, which parses and sends by itself.
      { extends: true, test: { ...together, name: 'blob', include: blobToo, env: { RINGMASTER_HTTP: 'blob' } } },
      // The addon loaded by several threads of one process: it must keep its state per environment.
      { extends: true, test: { ...together, name: 'threads', include: [threadsOnly], pool: 'threads' } },
    ],
  },
})
export default config
