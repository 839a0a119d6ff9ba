// The parser of requests: what a request comes to however its bytes arrive, and what is refused because another server may read it in
// another way (RFC 9110, RFC 9112).
import { request as httpRequest } from 'node:http'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'
import { seededRandom, testSeed } from '../services/harness.ts'
import { parse, parseParts, randomParts, usualLimits } from './requests.ts'

const host = 'Host: x\r\n'
const get = (more = ''): string => `GET / HTTP/1.1\r\n${host}${more}\r\n`
const post = (headers: string, body: string): string => `POST /a HTTP/1.1\r\n${host}${headers}\r\n${body}`
const chunked = (body: string): string => post('Transfer-Encoding: chunked\r\n', body)

describe('a request', () => {
  it('is told with method, target, version and headers in lower case', () => {
    const { requests, fault } = parse(
      'GET /b/a%20b?c=d HTTP/1.1\r\nHost: files.example:80\r\nX-A:  some \t value\t \r\n\r\n',
    )
    expect(fault).toBeNull()
    expect(requests).toHaveLength(1)
    const [{ head, body, whole }] = requests as [(typeof requests)[0]]
    expect(head).toMatchObject({
      method: 'GET',
      target: '/b/a%20b?c=d',
      httpVersion: '1.1',
      keepAlive: true,
      bodyLength: 0,
    })
    expect({ ...head.headers }).toEqual({ host: 'files.example:80', 'x-a': 'some \t value' })
    expect([body, whole]).toEqual(['', true])
  })

  it.each([
    ['HTTP/1.1', '', true],
    ['HTTP/1.1', 'Connection: close\r\n', false],
    ['HTTP/1.1', 'Connection: upgrade\r\nUpgrade: h2c\r\n', false],
    ['HTTP/1.0', '', false],
    ['HTTP/1.0', 'Connection: keep-alive\r\n', true],
  ])('%s %j may be followed by another: %s', (version, header, keepAlive) => {
    expect(parse(`GET / ${version}\r\n${host}${header}\r\n`).requests[0]?.head.keepAlive).toBe(keepAlive)
  })

  it('of HTTP/1.0 needs no Host', () => {
    expect(parse('GET / HTTP/1.0\r\n\r\n')).toMatchObject({ requests: [{ whole: true }], fault: null })
  })

  it.each(['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'POST', 'PROPFIND', 'M-SEARCH'])(
    'has the method %s',
    (method) => {
      expect(parse(`${method} / HTTP/1.1\r\n${host}\r\n`).requests[0]?.head.method).toBe(method)
    },
  )

  it('may have empty headers, and the same one twice', () => {
    const { requests } = parse(
      get('A:\r\nB:  \r\nAccept: a\r\nACCEPT: b\r\nCookie: c\r\nCookie: d\r\nIf-Range: e\r\nIf-Range: f\r\n'),
    )
    expect({ ...requests[0]?.head.headers }).toEqual({
      ...{ host: 'x', a: '', b: '', accept: 'a, b', cookie: 'c; d', 'if-range': 'e' },
    })
  })

  it('may come behind empty lines, and in absolute form', () => {
    const { requests, fault } = parse(`\r\n\r\nGET http://x/y HTTP/1.1\r\n${host}\r\n`)
    expect([requests[0]?.head.target, fault]).toEqual(['http://x/y', null])
  })

  it('has a body of the length that it says, or in chunks without their sizes, extensions and trailers', () => {
    expect(parse(post('Content-Length: 3\r\n', 'abc')).requests).toMatchObject([
      { head: { bodyLength: 3 }, body: 'abc', whole: true },
    ])
    expect(parse(post('Content-Length: 3\r\n', 'ab')).requests).toMatchObject([{ body: 'ab', whole: false }])
    const body = '3\r\nabc\r\nA;x=1\r\n0123\r\n6789\r\n0\r\nTrailer: t\r\n\r\n'
    expect(parse(chunked(body))).toMatchObject({
      requests: [{ head: { bodyLength: 'chunked' }, body: 'abc0123\r\n6789', whole: true }],
      fault: null,
    })
    expect(parse(chunked('3\r\nabc\r\n0\r\nContent-Length: 9\r\nHost: y\r\n\r\n')).requests[0]?.head.headers.host).toBe(
      'x',
    )
  })

  it('whose body looks like a request has it as its body', () => {
    const inner = get()
    const { requests } = parse(post(`Content-Length: ${inner.length}\r\n`, inner) + get())
    expect(requests.map(({ head, body }) => [head.method, body])).toEqual([
      ['POST', inner],
      ['GET', ''],
    ])
  })

  it('of node:http is read as it was meant', async () => {
    const received: Buffer[] = []
    const server = createServer((socket) => {
      socket.on('data', (bytes) => {
        received.push(bytes)
        if (Buffer.concat(received).includes('0\r\n\r\n')) socket.end('HTTP/1.1 204 No Content\r\n\r\n')
      })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    await new Promise<void>((resolve, reject) => {
      const request = httpRequest(
        { port, host: '127.0.0.1', method: 'PUT', path: '/b/x', headers: { 'X-Y': 'z' } },
        (answer) => {
          answer.resume().on('end', resolve)
        },
      )
      request.on('error', reject)
      request.write('first ')
      request.write('second')
      request.end()
    })
    server.close()
    expect(parseParts(received)).toMatchObject({
      requests: [
        { head: { method: 'PUT', target: '/b/x', headers: { 'x-y': 'z' } }, body: 'first second', whole: true },
      ],
      fault: null,
    })
  })
})

describe('what is refused', () => {
  it.each<[string, string, number]>([
    // Two lengths: RFC 9112 section 6.3, 11.2.
    [
      'Transfer-Encoding behind Content-Length',
      post('Content-Length: 3\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'),
      400,
    ],
    [
      'Content-Length behind Transfer-Encoding',
      post('Transfer-Encoding: chunked\r\nContent-Length: 3\r\n', '0\r\n\r\n'),
      400,
    ],
    ['Content-Length twice', post('Content-Length: 3\r\nContent-Length: 3\r\n', 'abc'), 400],
    ['two Content-Lengths', post('Content-Length: 3\r\nContent-Length: 4\r\n', 'abcd'), 400],
    ['a list of lengths', post('Content-Length: 3, 3\r\n', 'abc'), 400],
    ...['+3', '-3', '0x3', '3 3', '', '3.0', '9007199254740993', '18446744073709551615', '18446744073709551616'].map(
      (length): [string, string, number] => [
        `a length of ${length}`,
        post(`Content-Length: ${length}\r\n`, 'abc'),
        400,
      ],
    ),
    // Codings.
    ['chunked twice', post('Transfer-Encoding: chunked, chunked\r\n', '0\r\n\r\n'), 400],
    ['chunked in two headers', post('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'), 400],
    ['a coding that is not last', post('Transfer-Encoding: chunked, gzip\r\n', '0\r\n\r\n'), 400],
    ['a coding nobody knows', post('Transfer-Encoding: xchunked\r\n', '0\r\n\r\n'), 400],
    ['identity', post('Transfer-Encoding: identity\r\n', '0\r\n\r\n'), 400],
    ['no coding', post('Transfer-Encoding:\r\n', '0\r\n\r\n'), 400],
    ['a coding behind a control character', post('Transfer-Encoding: \x0bchunked\r\n', '0\r\n\r\n'), 400],
    ['a coding in quotes', post('Transfer-Encoding: "chunked"\r\n', '0\r\n\r\n'), 400],
    ['a coding that is not understood', post('Transfer-Encoding: gzip, chunked\r\n', '0\r\n\r\n'), 501],
    ['chunks in HTTP/1.0', `POST / HTTP/1.0\r\n${host}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
    // Chunks: section 7.1.
    ...(
      [
        ['a size with a blank', '3 \r\nabc\r\n0\r\n\r\n'],
        ['a size behind a blank', ' 3\r\nabc\r\n0\r\n\r\n'],
        ['a size with 0x', '0x3\r\nabc\r\n0\r\n\r\n'],
        ['a negative size', '-3\r\nabc\r\n0\r\n\r\n'],
        ['no size', '\r\n'],
        ['a size that is none', 'zz\r\n'],
        ['a size of 17 digits', 'fffffffffffffffff\r\nabc'],
        ['a size that ends with LF', '3\nabc\r\n0\r\n\r\n'],
        ['a size that ends with CR CR', '3\r\rabc\r\n0\r\n\r\n'],
        ['a size that ends with CR and data', '3\rXabc\r\n0\r\n\r\n'],
        ['data that ends with LF', '3\r\nabc\n0\r\n\r\n'],
        ['data that ends with two other bytes', '3\r\nabcXX0\r\n\r\n'],
        ['data that is longer than it says', '3\r\nabcd\r\n0\r\n\r\n'],
        ['data that does not end', '3\r\nabc0\r\n\r\n'],
        ['an extension with LF', '3;a\nb\r\nabc\r\n0\r\n\r\n'],
        ['an extension with NUL', '3;a\0b\r\nabc\r\n0\r\n\r\n'],
        ['a quoted extension with LF', '3;a="x\ny"\r\nabc\r\n0\r\n\r\n'],
        ['an end with LF', '3\r\nabc\r\n0\n\n'],
        ['an end with CR LF LF', '3\r\nabc\r\n0\r\n\n'],
        ['an end with CR LF CR CR', '3\r\nabc\r\n0\r\n\r\r'],
        ['a trailer that ends with LF', '3\r\nabc\r\n0\r\nT: v\n\r\n'],
        ['a folded trailer', '3\r\nabc\r\n0\r\nT: v\r\n w\r\n\r\n'],
      ] as const
    ).map(([what, body]): [string, string, number] => [what, chunked(body), 400]),
    // Lines: section 2.2, 5.1, 5.2.
    ['a request line that ends with LF', `GET / HTTP/1.1\n${host}\r\n`, 400],
    ['a header that ends with LF', 'GET / HTTP/1.1\r\nHost: x\n\r\n', 400],
    ['headers that end with LF', `GET / HTTP/1.1\r\n${host}\n`, 400],
    ['headers that end with CR CR', `GET / HTTP/1.1\r\n${host}\r\r`, 400],
    ['headers that end with CR and a byte', `GET / HTTP/1.1\r\n${host}\rX`, 400],
    ['an empty line of LF before it', `\n${get()}`, 400],
    ['a folded header', get('A: b\r\n c\r\n'), 400],
    ['a header folded with a tab', get('A: b\r\n\tc\r\n'), 400],
    ['a length that is folded away', post('A: b\r\n Content-Length: 3\r\n', ''), 400],
    ['a folded first header', `GET / HTTP/1.1\r\n ${host}\r\n`, 400],
    ['a blank before the colon', 'GET / HTTP/1.1\r\nHost : x\r\n\r\n', 400],
    ['a coding with a blank before the colon', post('Transfer-Encoding : chunked\r\n', '0\r\n\r\n'), 400],
    ['a length with a blank before the colon', post('Content-Length : 3\r\n', 'abc'), 400],
    ['a name with a blank', get('A b: c\r\n'), 400],
    ['a header without a name', get(': c\r\n'), 400],
    ['a header without a colon', get('A\r\n'), 400],
    ['a name with a parenthesis', get('A(: b\r\n'), 400],
    ...[0x00, 0x01, 0x08, 0x0b, 0x0d, 0x1f, 0x7f].map((code): [string, string, number] => [
      `a value with byte ${code}`,
      get(`A: b${String.fromCharCode(code)}c\r\n`),
      400,
    ]),
    ['a name with NUL', get('A\0: b\r\n'), 400],
    // Request lines: section 3.
    ['a target with NUL', `GET /\0 HTTP/1.1\r\n${host}\r\n`, 400],
    ['two blanks before the target', `GET  / HTTP/1.1\r\n${host}\r\n`, 400],
    ['two blanks behind the target', `GET /  HTTP/1.1\r\n${host}\r\n`, 400],
    ['a tab behind the method', `GET\t/ HTTP/1.1\r\n${host}\r\n`, 400],
    ['a blank behind the version', `GET / HTTP/1.1 \r\n${host}\r\n`, 400],
    ['a target with a blank', `GET /a b HTTP/1.1\r\n${host}\r\n`, 400],
    ['no version', 'GET /\r\n\r\n', 400],
    ['a version in lower case', `GET / http/1.1\r\n${host}\r\n`, 400],
    ['another protocol', `GET / RTSP/1.0\r\n${host}\r\n`, 400],
    ['yet another protocol', 'SOURCE / ICE/1.0\r\n\r\n', 400],
    ['HTTP/0.9', 'GET / HTTP/0.9\r\n\r\n', 505],
    ['HTTP/1.2', `GET / HTTP/1.2\r\n${host}\r\n`, 505],
    ['HTTP/2.0', `GET / HTTP/2.0\r\n${host}\r\n`, 505],
    ['HTTP/1.10', `GET / HTTP/1.10\r\n${host}\r\n`, 400],
    ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400],
    ['a method in lower case', `get / HTTP/1.1\r\n${host}\r\n`, 400],
    ['a method nobody knows', `FOO / HTTP/1.1\r\n${host}\r\n`, 400],
    ['CONNECT', `CONNECT x:1 HTTP/1.1\r\n${host}\r\n`, 405],
    // Host: section 3.2.
    ['no Host', 'GET / HTTP/1.1\r\n\r\n', 400],
    ['two Hosts', get('Host: y\r\n'), 400],
    ['the same Host twice', get(host), 400],
    ['a Host that is none', 'GET / HTTP/1.1\r\nHost: a/b\r\n\r\n', 400],
    ['two Authorizations', get('Authorization: Bearer a\r\nAuthorization: Bearer b\r\n'), 400],
    ['TLS', '\x16\x03\x01\x00\xa5\x01\x00\x00\xa1', 400],
  ])('%s', (_what, bytes, status) => {
    const { requests, fault } = parse(bytes)
    expect(fault?.status).toBe(status)
    expect(requests.every(({ whole }) => !whole)).toBe(true)
    // As it is if it comes in parts, of whatever size.
    for (const size of [1, 2, 3, 5])
      expect(parseParts(randomParts(bytes, () => 0.999, size)).fault?.status).toBe(status)
  })

  it('is refused behind good requests, which are told', () => {
    const { requests, fault } = parse(`${get()}${post('Content-Length: 3\r\n', 'abc')}\0garbage`)
    expect(requests.map(({ whole }) => whole)).toEqual([true, true])
    expect(fault?.status).toBe(400)
  })
})

describe('limits', () => {
  const limits = { headerBytesMax: 1000, headersMax: 10 }
  const ofSize = (bytes: number): string => get(`A: ${'a'.repeat(bytes - get('A: \r\n').length)}\r\n`)

  it('of the bytes of a head', () => {
    expect(parse(ofSize(1000), limits).fault).toBeNull()
    expect(parse(ofSize(1001), limits).fault?.status).toBe(431)
    const endless = Buffer.from(`GET / HTTP/1.1\r\nA: ${'a'.repeat(1000)}`)
    expect(parseParts([endless], limits).fault?.status).toBe(431)
    expect(parse(`GET /${'a'.repeat(1000)}`, limits).fault?.status).toBe(414)
    expect(parse(`GET /${'a'.repeat(1000)} HTTP/1.1\r\n${host}\r\n`, limits).fault?.status).toBe(414)
    expect(parse('\r\n'.repeat(501), limits).fault?.status).toBe(431)
  })

  it('of the number of headers', () => {
    const headers = (count: number): string =>
      get(Array.from({ length: count - 1 }, (_, at) => `A${at}: b\r\n`).join(''))
    expect(parse(headers(10), limits).fault).toBeNull()
    expect(parse(headers(11), limits).fault?.status).toBe(431)
  })

  it('of what is no data between chunks: extensions and trailers', () => {
    const extended = (bytes: number): string => `1;${'a'.repeat(bytes)}\r\nx\r\n`
    expect(parse(chunked(`${extended(800).repeat(20)}0\r\n\r\n`), limits)).toMatchObject({ fault: null })
    expect(parse(chunked(`1\r\nx\r\n${extended(1000)}0\r\n\r\n`), limits).fault?.status).toBe(431)
    expect(parse(chunked(`1\r\nx\r\n0\r\nA: ${'a'.repeat(1000)}\r\n\r\n`), limits).fault?.status).toBe(431)
  })

  it('are for each request anew', () => {
    expect(parse(ofSize(900).repeat(20), limits)).toMatchObject({ fault: null, requests: { length: 20 } })
  })
})

describe('however the bytes are split', () => {
  it('the requests are the same', () => {
    const seed = testSeed('request-parser')
    const random = seededRandom(seed)
    const body = (size: number): string =>
      Array.from({ length: size }, () => String.fromCharCode(Math.floor(random() * 256))).join('')
    const inChunks = (text: string): string => {
      let encoded = ''
      for (let at = 0; at < text.length;) {
        const chunk = text.slice(at, (at += 1 + Math.floor(random() * 3000)))
        encoded += `${chunk.length.toString(16)}${random() < 0.3 ? ';e=1' : ''}\r\n${chunk}\r\n`
      }
      return `${encoded}0\r\n${random() < 0.3 ? 'T: trailer\r\n' : ''}\r\n`
    }
    for (let round = 0; round < 60; round++) {
      const expected: [string, string, string][] = []
      let bytes = ''
      for (let count = 0; count < 8; count++) {
        const kind = Math.floor(random() * 4)
        const value = 'v'.repeat(Math.floor(random() * 40))
        const headers = `Host: h${count}\r\nX-Value: ${value}\r\nEmpty:\r\n`
        const text = kind < 2 ? '' : body(Math.floor(random() * (random() < 0.1 ? 150_000 : 300)))
        expected.push([`/r${count}`, value, text])
        const start = `${kind < 2 ? 'GET' : 'PUT'} /r${count} HTTP/1.1\r\n${headers}`
        if (random() < 0.2) bytes += '\r\n'
        if (kind < 2) bytes += `${start}\r\n`
        else if (kind === 2) bytes += `${start}Content-Length: ${text.length}\r\n\r\n${text}`
        else bytes += `${start}Transfer-Encoding: chunked\r\n\r\n${inChunks(text)}`
      }
      const { requests, fault } = parseParts(randomParts(bytes, random, [1, 7, 100, 5000, 200_000][round % 5]!))
      expect(fault).toBeNull()
      expect(requests.every(({ whole }) => whole)).toBe(true)
      expect(requests.map(({ head, body: got }) => [head.target, head.headers['x-value'], got])).toEqual(expected)
      expect(requests.map(({ head }) => head.headers['empty'])).toEqual(expected.map(() => ''))
    }
  })

  it('a request is in its head until that is over', () => {
    expect(parse('').isInHead).toBe(false)
    expect(parse('GET / HT').isInHead).toBe(true)
    expect(parse(get()).isInHead).toBe(false)
    expect(parse(post('Content-Length: 3\r\n', 'a')).isInHead).toBe(false)
    expect(parseParts([Buffer.from(get()), Buffer.from('G')], usualLimits).isInHead).toBe(true)
  })
})
