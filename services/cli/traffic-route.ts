// GET /traffic on the admin port: which files are asked for, and by whom. One of the admin server's routes, added by file-daemon.ts;
// `ringmaster top` asks it once a refresh.
import type { Route } from '../../metrics/admin-server.ts'
import type { FilePlane } from './file-plane.ts'

/** Answers 200 with a TrafficReport. Asking is what makes it count. */
export function trafficRoute(files: Pick<FilePlane, 'report'>): Route {
  return async () => ({
    status: 200,
    body: `${JSON.stringify(await files.report())}\n`,
    contentType: 'application/json; charset=utf-8',
    headers: { 'Cache-Control': 'no-store' },
  })
}
