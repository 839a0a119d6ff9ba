// `--listen` and `--admin`: text → host and port, what is loopback, and what to say when listening fails. Pure.
import { BlockList, isIP } from 'node:net'
import { InvalidArgumentError } from 'commander'
import { codeOf } from '../http/http-error.ts'
import { CommandError, exitCodes } from './exit.ts'

export interface ListenAddress {
  readonly host: string
  readonly port: number
}

const addressForm = /^(?:\[(?<bracketed>[^\]]+)\]|(?<plain>[^:[\]]*)):(?<port>\d{1,5})$/
const portMax = 65_535

/** For addresses without a host: nothing is public unless it is asked for by name. */
const defaultHost = '127.0.0.1'

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8, 'ipv4')
loopback.addAddress('::1', 'ipv6')

/** host:port, [ipv6]:port or :port. Port 0 takes any free one. Thrown errors are commander's, shown with the option. */
export function parseListenAddress(text: string): ListenAddress {
  const groups = addressForm.exec(text)?.groups
  if (groups === undefined) throw new InvalidArgumentError('Expected HOST:PORT, [IPV6]:PORT or :PORT.')
  const { bracketed, plain } = groups
  if (bracketed !== undefined && isIP(bracketed) !== 6) {
    throw new InvalidArgumentError(`Between the brackets must be an IPv6 address.`)
  }
  const port = Number(groups['port'])
  if (port > portMax) throw new InvalidArgumentError(`A port is at most ${portMax}.`)
  return { host: bracketed ?? (plain === undefined || plain === '' ? defaultHost : plain), port }
}

/** As it stands in a URL. */
export function formatAddress({ host, port }: ListenAddress): string {
  return isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`
}

export function isLoopback({ host }: ListenAddress): boolean {
  const family = isIP(host)
  if (family === 0) return host.toLowerCase() === 'localhost'
  return loopback.check(host, family === 6 ? 'ipv6' : 'ipv4')
}

/** Throws unless only this machine can reach the address, or the user has said that others may. */
export function requireLoopback(option: string, address: ListenAddress, isPublic: boolean): void {
  if (isPublic || isLoopback(address)) return
  throw new CommandError(
    `refusing ${option} ${formatAddress(address)}: other machines can reach that address, and ` +
      (option === '--admin'
        ? 'there is no password: whoever connects can see what is asked for, and by whom. '
        : 'could use whatever is served there. ') +
      'Use a loopback address such as 127.0.0.1, or add --public if that is what you want.',
    exitCodes.usage,
  )
}

/** Why an address could not be listened on, in words that say what to do. */
export function listenError(option: string, address: ListenAddress, cause: unknown): CommandError {
  return new CommandError(listenAdvice(option, address, cause), exitCodes.failure, { cause })
}

function listenAdvice(option: string, address: ListenAddress, cause: unknown): string {
  const code = codeOf(cause)
  const { host, port } = address
  const what = listenFailure(address, cause)
  if (code === 'EADDRINUSE') {
    return (
      `${what}. Stop the program that has it (\`ss -ltnp 'sport = :${port}'\` ` +
      `shows which), or choose another port with ${option} ${formatAddress({ host, port: 0 })} (0 takes any free one).`
    )
  }
  if (code === 'EACCES') return `${what}. Choose a higher one with ${option}.`
  return isNoAddress(code) ? `${what}. Choose another with ${option}.` : what
}

const isNoAddress = (code: string | undefined): boolean =>
  code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND' || code === 'EAI_AGAIN'

/** What stood in the way alone, for who says elsewhere what to do. */
export function listenFailure(address: ListenAddress, cause: unknown): string {
  const code = codeOf(cause)
  const where = formatAddress(address)
  if (code === 'EADDRINUSE') return `port ${address.port} on ${address.host} is already in use`
  if (code === 'EACCES') return `not allowed to listen on ${where}: ports below 1024 need CAP_NET_BIND_SERVICE`
  if (isNoAddress(code)) return `cannot listen on ${where}: this machine has no such address`
  return `cannot listen on ${where}: ${cause instanceof Error ? cause.message : String(cause)}`
}
