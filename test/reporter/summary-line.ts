// A reporter of one line, the last: `N passed, N failed` and, if there are any, `, N skipped`. Written for programs to read.
import type { Reporter, SerializedError, TestModule } from 'vitest/node'

/** What the line counts. */
export interface Counts {
  passed: number
  failed: number
  skipped: number
}

export function formatSummary({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`
}

/** A test file that fails outside its tests (it does not load, a hook throws) and an error nobody caught each count as one failure. */
export function countResults(modules: readonly TestModule[], uncaught: readonly SerializedError[]): Counts {
  const counts: Counts = { passed: 0, failed: uncaught.length, skipped: 0 }
  for (const module of modules) {
    let failedTests = 0
    for (const test of module.children.allTests()) {
      const { state } = test.result()
      if (state === 'passed') counts.passed++
      else if (state === 'skipped') counts.skipped++
      else failedTests++ // failed, or pending: it had not come to an end when the run did
    }
    counts.failed += failedTests === 0 && module.state() === 'failed' ? 1 : failedTests
  }
  return counts
}

export default class SummaryLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], uncaught: readonly SerializedError[]): void {
    process.stdout.write(`${formatSummary(countResults(modules, uncaught))}\n`)
  }
}
