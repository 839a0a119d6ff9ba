// Whether `ringmaster serve` could listen where it is to: each address is listened on for real, and let go of.
import { once } from 'node:events'
import { createServer } from 'node:net'
import type { Server } from 'node:net'
import { codeOf } from '../../http/http-error.ts'
import { formatAddress, listenError } from '../../cli/listen-address.ts'
import type { Context } from '../context.ts'
import type { Finding } from '../finding.ts'
import type { PlannedAddress } from '../plan.ts'
import { holderOf } from '../port-holder.ts'

async function listen({ host, port }: PlannedAddress['address'], held: Server[]): Promise<Error | null> {
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

async function checkAddress({ option, address, asked }: PlannedAddress, held: Server[]): Promise<Finding> {
  const error = await listen(address, held)
  const base = { id: `ports.${option.slice(2)}`, title: `address for ${option}`, need: formatAddress(address) }
  if (error === null)
    return { ...base, have: 'free', verdict: 'ok', why: 'it was listened on, and let go of', fix: null }
  const code = codeOf(error) ?? 'refused'
  const holder = code === 'EADDRINUSE' ? holderOf(address.port) : null
  return {
    ...base,
    have: code === 'EADDRINUSE' ? `in use by ${holder ?? 'a process that cannot be seen from here'}` : code,
    // Nobody has said that there is to be a daemon: a library needs no port.
    verdict: asked ? 'broken' : 'degraded',
    why: listenError(option, address, error).message,
    fix: `${option} ${formatAddress({ host: code === 'EADDRINUSE' || code === 'EACCES' ? address.host : '127.0.0.1', port: 0 })}`,
  }
}

/** Each is held until all were tried: two that are the same get in each other's way, as they would in the daemon. */
export async function checkPorts({ plan }: Pick<Context, 'plan'>): Promise<Finding[]> {
  const findings: Finding[] = []
  const held: Server[] = []
  for (const address of plan.addresses) findings.push(await checkAddress(address, held))
  await Promise.all(held.map((server) => once(server.close(), 'close')))
  return findings
}
