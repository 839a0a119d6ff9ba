// GET /traffic on the admin port: which files are asked for, and by whom. One of the admin server's routes, added by file-daemon.ts;
// `ringmaster top` asks it once a refresh.
import type { Route } from '../../metrics/admin-server.ts'
import type { HttpTraffic } from '../http/traffic.ts'

/** Answers 200 with a TrafficReport. Asking is what makes it count. */
export function trafficRoute(traffic: Pick<HttpTraffic, 'report'>): Route {
  return () => ({
    status: 200,
    body: `${JSON.stringify(traffic.report())}\n`,
    contentType: 'application/json; charset=utf-8',
    headers: { 'Cache-Control': 'no-store' },
  })
}
