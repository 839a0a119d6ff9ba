// Whom the admin server answers: browsers that were led here by another site's name (DNS rebinding) are not.
import { describe, expect, it } from 'vitest'
import { hostCheck } from '../../metrics/host-check.ts'

describe('a server on 127.0.0.1', () => {
  const check = hostCheck('127.0.0.1', false)
  it.each(['127.0.0.1', '127.0.0.1:9464', 'localhost', 'localhost:9464', 'LOCALHOST', 'ring.localhost', '[::1]:1'])(
    'answers %s',
    (host) => expect(check(host)).toBeNull(),
  )
  it.each(['evil.example', 'evil.example:9464', 'localhost.evil.example', '127.0.0.1.evil.example', '10.0.0.1', 'x'])(
    'does not answer %s',
    (host) => expect(check(host)).toContain('--public'),
  )
  it('answers who names no host: probes of HTTP/1.0', () => expect(check(undefined)).toBeNull())
})

describe('a server on every address', () => {
  const check = hostCheck('0.0.0.0', false)
  it.each(['10.1.2.3:9464', '[fe80::1]:9464', '192.0.2.1'])('answers the address %s', (host) =>
    expect(check(host)).toBeNull(),
  )
  it('does not answer names it cannot know', () => expect(check('evil.example')).not.toBeNull())
  it('answers all of them with --public', () => expect(hostCheck('0.0.0.0', true)('ring.example')).toBeNull())
})

it('a server on an IPv6 address answers that address in brackets', () => {
  expect(hostCheck('fd00::1', false)('[fd00::1]:9464')).toBeNull()
  expect(hostCheck('fd00::1', false)('[fd00::2]:9464')).not.toBeNull()
})
