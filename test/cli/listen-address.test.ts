// What --listen and --admin take, and what counts as reachable from other machines.
import { describe, expect, it } from 'vitest'
import {
  formatAddress,
  isLoopback,
  listenError,
  parseListenAddress,
  requireLoopback,
} from '../../services/cli/listen-address.ts'

describe('an address to listen on', () => {
  it.each([
    ['127.0.0.1:8080', '127.0.0.1', 8080],
    ['localhost:0', 'localhost', 0],
    [':9000', '127.0.0.1', 9000],
    ['[::1]:8080', '::1', 8080],
    ['[::]:1', '::', 1],
    ['0.0.0.0:65535', '0.0.0.0', 65_535],
    ['files.example.org:80', 'files.example.org', 80],
  ])('%s', (text, host, port) => {
    expect(parseListenAddress(text)).toEqual({ host, port })
  })

  it.each(['', '8080', '127.0.0.1', '127.0.0.1:', 'host:port', ':65536', ':-1', '::1:8080', '[::1]', '[x]:1', ':1:2'])(
    '%j is none',
    (text) => {
      expect(() => parseListenAddress(text)).toThrow(expect.objectContaining({ code: 'commander.invalidArgument' }))
    },
  )

  it.each([
    [{ host: '::1', port: 80 }, '[::1]:80'],
    [{ host: '127.0.0.1', port: 80 }, '127.0.0.1:80'],
  ])('is written as in a URL: %j', (address, text) => {
    expect(formatAddress(address)).toBe(text)
  })
})

describe('loopback', () => {
  it.each(['127.0.0.1', '127.8.9.10', '::1', 'localhost', 'LOCALHOST', '0:0:0:0:0:0:0:1'])('%s is', (host) => {
    expect(isLoopback({ host, port: 1 })).toBe(true)
  })

  it.each(['0.0.0.0', '::', '10.0.0.1', '192.168.1.1', '128.0.0.1', 'fe80::1', 'localhost.example.org', 'example.org'])(
    '%s is not, and needs --public',
    (host) => {
      const address = { host, port: 1 }
      expect(isLoopback(address)).toBe(false)
      expect(() => {
        requireLoopback('--listen', address, false)
      }).toThrow(/other machines can reach.*--public/)
      expect(() => {
        requireLoopback('--listen', address, true)
      }).not.toThrow()
    },
  )
})

it.each([
  ['EADDRINUSE', /port 80 on 127\.0\.0\.1 is already in use\..*--listen 127\.0\.0\.1:0/],
  ['EACCES', /CAP_NET_BIND_SERVICE/],
  ['EADDRNOTAVAIL', /no such address/],
  ['EWHATEVER', /cannot listen on 127\.0\.0\.1:80: of a test/],
])('%s is explained', (code, message) => {
  const cause = Object.assign(new Error('of a test'), { code })
  const error = listenError('--listen', { host: '127.0.0.1', port: 80 }, cause)
  expect(error.message).toMatch(message)
  expect(error).toMatchObject({ exitCode: 1, cause })
})
