// The dashboards as files, by name. `npm run generate` writes them to dashboards/; a test compares.
import { buildDashboard } from './build.ts'
import { daemonDashboard } from './daemon.ts'
import { ringsDashboard } from './rings.ts'

export const dashboardFiles: Readonly<Record<string, string>> = Object.fromEntries(
  [ringsDashboard, daemonDashboard].map((rows) => [
    `${rows.uid}.json`,
    `${JSON.stringify(buildDashboard(rows), null, 2)}\n`,
  ]),
)
