// Whether `ringmaster serve` could listen where it is to: each address is listened on for real, and let go of.
import { once } from 'node:events'
import { createServer } from 'node:net'
import type { Server } from 'node:net'
import { codeOf } from '../../http/http-error.ts'
import { formatAddress, isLoopback, listenFailure } from '../../cli/listen-address.ts'
import type { ListenAddress } from '../../cli/listen-address.ts'
import { asRoot } from '../commands.ts'
import type { Context } from '../context.ts'
import type { Finding } from '../finding.ts'
import type { PlannedAddress } from '../plan.ts'
import { holderOf } from '../port-holder.ts'

/** Without privileges nobody listens below. */
const portMin = 1024
/** 80 becomes 8080. */
const portsAdded = 8000
const portMax = 65_535
/** Ports in a row that are in use are rare. */
const portsTried = 20

async function listen({ host, port }: ListenAddress, held: Server[]): Promise<Error | null> {
  const server = createServer()
  try {
    server.listen({ host, port, exclusive: true })
    await once(server, 'listening')
    held.push(server)
    return null
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error))
  }
}

/**
 * A port that is free on loopback, whatever was asked for: nobody is to open files to others by copying a line. The same port where it is the
 * address that there is not; otherwise one of the next. null: there is no loopback.
 */
async function freeAddress(
  { host: asked, port }: ListenAddress,
  code: string,
  held: Server[],
): Promise<ListenAddress | null> {
  const isThere = code === 'EADDRINUSE' || code === 'EACCES'
  const host = isThere && isLoopback({ host: asked, port }) ? asked : '127.0.0.1'
  if (codeOf(await listen({ host, port: 0 }, held)) === 'EADDRNOTAVAIL') return null
  if (port === 0) return { host, port }
  const first = port < portMin ? port + portsAdded : isThere ? port + 1 : port
  for (let next = first; next < first + portsTried && next <= portMax; next++) {
    if ((await listen({ host, port: next }, held)) === null) return { host, port: next }
  }
  return { host, port: 0 }
}

const isEvery = ({ host }: ListenAddress): boolean => host === '0.0.0.0' || host === '::'

/** Whether who has one keeps others from the other. */
const overlap = (one: ListenAddress, other: ListenAddress): boolean =>
  one.port === other.port && (one.host === other.host || isEvery(one) || isEvery(other))

function checkFree(address: ListenAddress): Pick<Finding, 'have' | 'verdict' | 'why' | 'fix'> {
  const why = 'it was listened on, and let go of'
  if (isLoopback(address)) return { have: 'free', verdict: 'ok', why, fix: null }
  const others = 'other machines can reach it, so ringmaster serve takes it with --public alone'
  return { have: 'free', verdict: 'info', why: `${why}; ${others}`, fix: null }
}

/** Each is held until all were tried: two that are the same get in each other's way, as they would in the daemon. */
export async function checkPorts({ plan }: Pick<Context, 'plan'>): Promise<Finding[]> {
  const held: Server[] = []
  const taken: PlannedAddress[] = []
  const tried: (readonly [PlannedAddress, Error | null])[] = []
  for (const planned of plan.addresses) {
    const error = await listen(planned.address, held)
    if (error === null) taken.push(planned)
    tried.push([planned, error])
  }
  const findings: Finding[] = []
  for (const [planned, error] of tried) {
    const { option, address, asked } = planned
    const base = { id: `ports.${option.slice(2)}`, title: `address for ${option}`, need: formatAddress(address) }
    if (error === null) {
      findings.push({ ...base, ...checkFree(address) })
      continue
    }
    const code = codeOf(error) ?? 'refused'
    const rival = taken.find((other) => overlap(other.address, address))?.option
    const holder = (): string => rival ?? holderOf(address.port) ?? 'a process that cannot be seen from here'
    const free = await freeAddress(address, code, held)
    findings.push({
      ...base,
      have: code === 'EADDRINUSE' ? `in use by ${holder()}` : code,
      // Nobody has said that there is to be a daemon: a library needs no port.
      verdict: asked ? 'broken' : 'degraded',
      why: listenFailure(address, error),
      fix: free === null ? asRoot('ip link set lo up') : `${option} ${formatAddress(free)}`,
    })
  }
  await Promise.all(held.map((server) => once(server.close(), 'close')))
  return findings
}
