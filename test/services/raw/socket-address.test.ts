// The sockaddr encoding, against what node:net makes of addresses and against bytes known from the kernel's headers.
import { BlockList } from 'node:net'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { decodeAddress, encodeAddress } from '../../../services/raw/socket-address.ts'

it('is what the headers say', () => {
  expect(encodeAddress({ address: '127.0.0.1', port: 0x1234 }).toString('hex')).toBe(
    '02001234' + '7f000001' + '00'.repeat(8),
  )
  const six = encodeAddress({ address: 'fe80::1', port: 80, flowLabel: 1, scopeId: 2 })
  expect(six.toString('hex')).toBe('0a000050' + '00000001' + 'fe80' + '00'.repeat(13) + '01' + '02000000')
  expect(encodeAddress({ path: '/x' }).toString('hex')).toBe('0100' + '2f78' + '00')
  expect(encodeAddress({ path: '\0ab' }).toString('hex')).toBe('0100' + '006162')
  expect(encodeAddress({ path: '' }).toString('hex')).toBe('0100')
})

it('takes every spelling of an IPv6 address', () => {
  const spellings = ['::ffff:1.2.3.4', '::ffff:102:304', '0:0:0:0:0:ffff:0102:0304', '0:0:0:0:0:FFFF:1.2.3.4']
  const encoded = spellings.map((address) => encodeAddress({ address, port: 1 }).toString('hex'))
  expect(new Set(encoded).size).toBe(1)
  expect(encodeAddress({ address: '1::', port: 0 }).toString('hex', 8, 24)).toBe('0001' + '00'.repeat(14))
})

it('gives back every address', () => {
  const same = new BlockList()
  fc.assert(
    fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), fc.integer({ min: 0, max: 65535 }), (address, port) => {
      const bytes = encodeAddress({ address, port })
      const decoded = decodeAddress(Buffer.concat([bytes, Buffer.alloc(100)]), bytes.length)
      if (decoded === null || !('address' in decoded)) throw new Error('no internet address')
      expect(decoded.port).toBe(port)
      // Spelled anew, and the same address to node:net.
      const family = address.includes(':') ? 'ipv6' : 'ipv4'
      same.addAddress(address, family)
      expect(same.check(decoded.address, family)).toBe(true)
      expect(encodeAddress(decoded).equals(bytes)).toBe(true)
    }),
  )
  for (const path of ['', '/tmp/x', '\0abstract', '\0', 'x'.repeat(107)]) {
    const bytes = encodeAddress({ path })
    expect(decodeAddress(bytes, bytes.length)).toEqual({ path })
  }
  expect(decodeAddress(Buffer.alloc(16), 0)).toBeNull()
  expect(decodeAddress(Buffer.from('1000', 'hex'), 2)).toBeNull()
})
