// Whom the admin server believes to be asked for: the Host header must name it. Called by admin-server.ts.
//
// A page on some other site can have its own name point at 127.0.0.1 and then read, from the browser of whoever visits it, what only
// this machine should see (DNS rebinding). The browser sends that site's name as Host: only our own are answered. Clients that
// send none (HTTP/1.0 probes) are no browsers.

import { isIP } from 'node:net'

/** Null where the host may ask; else what to answer. */
export type HostCheck = (host: string | undefined) => string | null

const loopback = /^(localhost|[^.]+\.localhost|127(\.\d{1,3}){3}|\[::1\])$/i
const wildcards = ['0.0.0.0', '::', '']

/** `listen`: the address that the server listens on. On a wildcard any IP address is its own; names are only known with `anyHost`. */
export function hostCheck(listen: string, anyHost: boolean): HostCheck {
  const own = (isIP(listen) === 6 ? `[${listen}]` : listen).toLowerCase()
  const isWildcard = wildcards.includes(listen)
  return (host) => {
    if (anyHost || host === undefined || host === '') return null
    const name = host.replace(/:\d+$/, '').replace(/\.$/, '').toLowerCase() // a dot at its end is DNS's root
    if (name === own || loopback.test(name)) return null
    if (isWildcard && isIP(name.replace(/^\[|\]$/g, '')) !== 0) return null
    return 'this server is asked for by its own address only (--public allows any name)'
  }
}
