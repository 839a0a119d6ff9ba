// What works in the background of a process: resident services, and views with priority `background`. Shown by panels.ts and by services/top/. Pure.
import type { LiveFrame, LiveJob } from '../live-protocol.ts'
import { whole } from './format.ts'

export function jobsOf(frame: LiveFrame): LiveJob[] {
  const jobs: LiveJob[] = [...frame.jobs]
  for (const ring of frame.rings) {
    const [, , , waiting, inFlight, share] = ring.gauges
    if (share! > 0)
      jobs.push({
        kind: 'background',
        name: `views on ring ${ring.ring}`,
        state: inFlight! > 0 ? 'running' : 'quiet',
        detail: `${whole(inFlight!)} of ${whole(share!)} places, ${whole(waiting!)} waiting`,
        progress: -1,
      })
  }
  return jobs
}
