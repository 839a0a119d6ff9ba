// What HTTP/1.1 says of single requests, as data: the bytes, what is answered, and whether the connection goes on. The list covers what the
// h1spec suite looks at, what is known to smuggle requests past another server, and what nginx's own tests ask of ranges and conditions; each
// row is from RFC 9110 or 9112. Used by conformance.test.ts.

export interface Case {
  readonly what: string
  readonly bytes: string
  /** In order; 1xx, too. */
  readonly statuses: readonly number[]
  /** Whether another request on the connection is answered. */
  readonly stays: boolean
  /** Content of /b/stored afterwards. */
  readonly stored?: string
  /** Nobody knew that it is the last when it was answered. */
  readonly unsaid?: boolean
  /** What the last answer must have. */
  readonly has?: RegExp
}

const host = 'Host: x\r\n'
const get = (more = '', target = '/b/probe'): string => `GET ${target} HTTP/1.1\r\n${host}${more}\r\n`
const put = (more: string, body: string): string => `PUT /b/stored HTTP/1.1\r\n${host}${more}\r\n${body}`
const chunked = (body: string, more = ''): string => put(`Transfer-Encoding: chunked\r\n${more}`, body)
/** What somebody wants to get past: it must never be answered. */
const smuggled = 'GET /b/secret HTTP/1.1\r\nHost: x\r\n\r\n'

const refused = (what: string, bytes: string, status = 400): Case => ({ what, bytes, statuses: [status], stays: false })
const fine = (what: string, bytes: string, more: Partial<Case> = {}): Case => ({
  ...{ what, bytes, statuses: [200], stays: true },
  ...more,
})
const stored = (what: string, bytes: string, content: string, more: Partial<Case> = {}): Case =>
  fine(what, bytes, { statuses: [204], stored: content, ...more })

/** A request that has not come to its end, at each place where something new begins: it waits, and is answered once the rest is there. */
export const fragmentEnds: readonly [string, string][] = [
  ['in the method', 'G'],
  ['behind the method', 'GET '],
  ['in the target', 'GET /b/pro'],
  ['behind the target', 'GET /b/probe '],
  ['in the version', 'GET /b/probe HTTP'],
  ['behind the version', 'GET /b/probe HTTP/1.1'],
  ['in the end of the request line', 'GET /b/probe HTTP/1.1\r'],
  ['behind the request line', 'GET /b/probe HTTP/1.1\r\n'],
  ['in a name', 'GET /b/probe HTTP/1.1\r\nHos'],
  ['behind a colon', 'GET /b/probe HTTP/1.1\r\nHost:'],
  ['before a value', 'GET /b/probe HTTP/1.1\r\nHost: '],
  ['in a value', 'GET /b/probe HTTP/1.1\r\nHost: localhost'],
  ['in the end of a header', 'GET /b/probe HTTP/1.1\r\nHost: localhost\r'],
  ['behind a header', 'GET /b/probe HTTP/1.1\r\nHost: localhost\r\n'],
  ['in the end of the head', 'GET /b/probe HTTP/1.1\r\nHost: localhost\r\n\r'],
]

/** The 18 other checks of h1spec; bodies are PUT and read back, where its servers echo them. */
export const strictCases: readonly Case[] = [
  refused('a request line without a version', 'GET / \r\n\r\n'),
  fine('Expect without a body', get('Expect: 100-continue\r\n')),
  fine('a GET', get()),
  fine(
    'names in any case, a tab before the value, a header without one',
    'GET / HTTP/1.1\r\nhoSt:\tx\r\nempty:\r\n\r\n',
  ),
  refused('brackets in a name', get('X-Invalid[]: test\r\n')),
  refused('no Host', 'GET / HTTP/1.1\r\nContent-Length: 5\r\n\r\n'),
  refused('two Hosts', get('Host: y\r\n')),
  refused('a negative length of many digits', get('Content-Length: -123456789123456789123456789\r\n')),
  refused('a negative length', get('Content-Length: -1234\r\n')),
  refused('a length that is no number', get('Content-Length: abc\r\n')),
  fine('a value of blanks', get('X-Empty: \r\n')),
  refused('a control character in a value', get('X-Bad: test\x07\r\n')),
  refused('HTTP/9.9', 'GET / HTTP/9.9\r\nHost: x\r\n\r\n', 505),
  refused('something before the method', `Extra line${get()}`),
  refused('a CR within the headers', `GET / HTTP/1.1\r\n${host}\rSome: Test\r\n\r\n`),
  stored('a body of a length', put('Content-Length: 5\r\n', 'hello'), 'hello'),
  stored('a body in chunks', chunked('c\r\nHellO world1\r\n0\r\n\r\n'), 'HellO world1'),
  refused(
    'a length and chunks, in any case',
    put('content-LengtH: 5\r\nTransFer-Encoding: chunked\r\n', 'c\r\nHellO world1\r\n0\r\n\r\n'),
  ),
]

/** RFC 9112 sections 2.2, 5, 6, 7.1, 9.6 and 11.2: what two servers in a row could take for different requests. */
export const smugglingCases: readonly Case[] = [
  // Length and coding.
  refused('CL.TE', put('Content-Length: 6\r\nTransfer-Encoding: chunked\r\n', `0\r\n\r\n${smuggled}`)),
  refused('TE.CL', put('Transfer-Encoding: chunked\r\nContent-Length: 4\r\n', `5c\r\n${smuggled}\r\n0\r\n\r\n`)),
  refused(
    'TE.TE: a second coding',
    put('Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n', `0\r\n\r\n${smuggled}`),
  ),
  refused('TE.TE: the same twice', chunked(`0\r\n\r\n${smuggled}`, 'Transfer-encoding: chunked\r\n')),
  ...[
    ' chunked, identity',
    ' xchunked',
    '\x0bchunked',
    ' chunked\x0b',
    '',
    ' identity',
    ' "chunked"',
    ' chunked;q=1',
  ].map((coding) =>
    refused(
      `Transfer-Encoding:${JSON.stringify(coding)}`,
      put(`Transfer-Encoding:${coding}\r\n`, `0\r\n\r\n${smuggled}`),
    ),
  ),
  refused('a coding that is not known, before chunked', put('Transfer-Encoding: x, chunked\r\n', '0\r\n\r\n'), 501),
  refused('a blank before the colon of the coding', put('Transfer-Encoding : chunked\r\n', `0\r\n\r\n${smuggled}`)),
  refused('a tab before the colon of the length', put('Content-Length\t: 5\r\n', smuggled)),
  refused('a folded coding', put('Transfer-Encoding:\r\n chunked\r\n', `0\r\n\r\n${smuggled}`)),
  refused('a folded length', put('Content-Length: 1\r\n 0\r\n', smuggled)),
  refused('a header behind a bare CR', put('X: y\rTransfer-Encoding: chunked\r\n', `0\r\n\r\n${smuggled}`)),
  refused('a header behind a bare LF', put('X: y\nTransfer-Encoding: chunked\r\n', `0\r\n\r\n${smuggled}`)),
  refused('a head that ends with LF LF', `GET / HTTP/1.1\nHost: x\n\n${smuggled}`),
  refused(
    'chunks in HTTP/1.0',
    `PUT /b/stored HTTP/1.0\r\n${host}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n${smuggled}`,
  ),
  refused('two lengths', put('Content-Length: 5\r\nContent-Length: 6\r\n', 'hello')),
  refused('the same length twice', put('Content-Length: 5\r\nContent-Length: 5\r\n', 'hello')),
  ...[
    '5, 5',
    '+5',
    '-0',
    '0x5',
    '5 ',
    ' 5',
    '05x',
    '5.0',
    '5e0',
    '٥',
    '',
    '18446744073709551621',
    '9223372036854775813',
  ].flatMap((length) =>
    length.trim() === '5'
      ? [stored(`a length of ${JSON.stringify(length)}`, put(`Content-Length:${length}\r\n`, 'hello'), 'hello')]
      : [refused(`a length of ${JSON.stringify(length)}`, put(`Content-Length: ${length}\r\n`, 'hello'))],
  ),
  stored('a length with zeros before it', put('Content-Length: 0005\r\n', 'hello'), 'hello'),
  fine('a GET whose body is a request', get(`Content-Length: ${smuggled.length}\r\n`) + smuggled),
  fine('a GET with a body in chunks', get('Transfer-Encoding: chunked\r\n') + '3\r\nabc\r\n0\r\n\r\n'),
  // Chunks. Their head was good, so that an answer to the request is due, and nothing behind it.
  ...(
    [
      ['a size with a sign', `+5\r\nhello\r\n0\r\n\r\n${smuggled}`],
      ['a negative size', `-5\r\nhello\r\n0\r\n\r\n${smuggled}`],
      ['a size with 0x', `0x5\r\nhello\r\n0\r\n\r\n${smuggled}`],
      ['a size that overflows 64 bits', `10000000000000005\r\nhello\r\n0\r\n\r\n${smuggled}`],
      ['a blank behind the size', `5 \r\nhello\r\n0\r\n\r\n${smuggled}`],
      ['a size that ends with LF', `5\nhello\r\n0\r\n\r\n${smuggled}`],
      ['a size that ends with CR', `5\rhello\r\n0\r\n\r\n${smuggled}`],
      ['data that ends with LF', `5\r\nhello\n0\r\n\r\n${smuggled}`],
      ['data that ends with other bytes', `5\r\nhelloXX0\r\n\r\n${smuggled}`],
      ['more data than it says', `5\r\nhello!\r\n0\r\n\r\n${smuggled}`],
      ['LF in an extension', `5;a\nb\r\nhello\r\n0\r\n\r\n${smuggled}`],
      ['LF in a quoted extension', `5;a="\n"\r\nhello\r\n0\r\n\r\n${smuggled}`],
      ['CR in an extension', `5;a\rb\r\nhello\r\n0\r\n\r\n${smuggled}`],
      ['NUL in an extension', `5;\0\r\nhello\r\n0\r\n\r\n${smuggled}`],
      ['an end of LF', `5\r\nhello\r\n0\n\n${smuggled}`],
      ['a folded trailer', `5\r\nhello\r\n0\r\nA: b\r\n c\r\n\r\n${smuggled}`],
      ['a trailer that ends with LF', `5\r\nhello\r\n0\r\nA: b\n\r\n${smuggled}`],
      ['a blank before the colon of a trailer', `5\r\nhello\r\n0\r\nA : b\r\n\r\n${smuggled}`],
      ['a trailer without a name', `5\r\nhello\r\n0\r\n: b\r\n\r\n${smuggled}`],
      ['NUL in a trailer', `5\r\nhello\r\n0\r\nA: \0\r\n\r\n${smuggled}`],
    ] as const
  ).map(([what, body]) => refused(`chunks: ${what}`, chunked(body))),
  refused('an extension without an end', chunked(`5;${'a'.repeat(20_000)}`), 431),
  refused('trailers without an end', chunked(`0\r\nA: ${'a'.repeat(20_000)}`), 431),
  stored('chunks with extensions', chunked('3;a="b c"\r\nhel\r\n2;a=b\r\nlo\r\n0;last\r\n\r\n'), 'hello'),
  stored(
    'sizes in capitals and with zeros',
    chunked('00A\r\n0123456789\r\na\r\nabcdefghij\r\n000\r\n\r\n'),
    '0123456789abcdefghij',
  ),
  stored(
    'trailers, which change nothing',
    chunked('5\r\nhello\r\n0\r\nContent-Length: 99\r\nHost: y\r\n\r\n'),
    'hello',
  ),
  stored('data that looks like the end', chunked('7\r\n\r\n0\r\n\r\n\r\n0\r\n\r\n'), '\r\n0\r\n\r\n'),
  // Lines.
  refused('a bare LF before the request', `\n${get()}`),
  fine('empty lines before the request', `\r\n\r\n${get()}`),
  refused('a blank before the first header', `GET / HTTP/1.1\r\n Host: x\r\n\r\n`),
  refused('a folded header', get('A: b\r\n\tc\r\n')),
  refused('a blank before a colon', get('A : b\r\n')),
  refused('NUL in a name', get('A\0: b\r\n')),
  refused('NUL in a value', get('A: \0\r\n')),
  refused('NUL in the target', get('', '/b/\0')),
  refused('a header without a colon', get('A\r\n')),
  refused('a header without a name', get(': b\r\n')),
  fine('bytes above 127 in a value', get('A: \x80\xff\r\n')),
  // Request lines.
  refused('two blanks', `GET  / HTTP/1.1\r\n${host}\r\n`),
  refused('a tab', `GET\t/ HTTP/1.1\r\n${host}\r\n`),
  refused('a blank at the end', `GET / HTTP/1.1 \r\n${host}\r\n`),
  refused('a blank in the target', `GET /a b HTTP/1.1\r\n${host}\r\n`),
  refused('HTTP/0.9', 'GET /\r\n\r\n'),
  refused('HTTP/0.9 by name', 'GET / HTTP/0.9\r\n\r\n', 505),
  refused('HTTP/1.2', `GET / HTTP/1.2\r\n${host}\r\n`, 505),
  refused('HTTP/2.0', `GET / HTTP/2.0\r\n${host}\r\n`, 505),
  refused('HTTP/1.10', `GET / HTTP/1.10\r\n${host}\r\n`),
  refused('http/1.1', `GET / http/1.1\r\n${host}\r\n`),
  refused('the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  refused('TLS', '\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03'),
  { what: 'HTTP/1.0', bytes: 'GET / HTTP/1.0\r\n\r\n', statuses: [200], stays: false },
  fine('HTTP/1.0 with keep-alive', 'GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n'),
  { what: 'Connection: close', bytes: get('Connection: close\r\n') + smuggled, statuses: [200], stays: false },
  {
    what: 'Connection: Keep-Alive, CLOSE',
    bytes: get('Connection: Keep-Alive, CLOSE\r\n'),
    statuses: [200],
    stays: false,
  },
  // Another protocol is not begun: whether its client goes on in HTTP is not known.
  {
    what: 'Upgrade: h2c',
    bytes: get('Connection: Upgrade\r\nUpgrade: h2c\r\n') + 'PRI',
    statuses: [200],
    stays: false,
  },
  // Targets.
  fine('absolute form', get('', 'http://x/b/probe')),
  fine('absolute form of another host than Host says', get('', 'HTTP://other:80/b/probe')),
  fine('absolute form without a path', get('', 'http://x')),
  fine('absolute form without a host', get('', 'http:///b/probe'), { statuses: [400] }),
  fine('absolute form with a user', get('', 'http://user@x/b/probe'), { statuses: [400] }),
  fine('absolute form of another scheme', get('', 'ftp://x/b/probe'), { statuses: [400] }),
  refused('authority form', get('', 'x:80')),
  fine('asterisk form', get('', '*'), { statuses: [400] }),
  fine('OPTIONS *', `OPTIONS * HTTP/1.1\r\n${host}\r\n`, {
    statuses: [204],
    has: /^Allow: GET, HEAD, PUT, DELETE, OPTIONS\r$/m,
  }),
  fine('a fragment', get('', '/b/probe#x'), { statuses: [400] }),
  fine('bytes above 127 in the target', get('', '/b/\xff'), { statuses: [400] }),
  // Methods.
  refused('CONNECT', `CONNECT x:80 HTTP/1.1\r\n${host}\r\n`, 405),
  refused('a method nobody knows', `FOO / HTTP/1.1\r\n${host}\r\n`),
  refused('a method in lower case', `get / HTTP/1.1\r\n${host}\r\n`),
  ...['POST', 'PATCH', 'TRACE', 'PROPFIND'].map((method) =>
    fine(`${method}, which is not for files`, `${method} /b/probe HTTP/1.1\r\n${host}\r\n`, {
      statuses: [405],
      has: /^Allow: GET, HEAD, PUT, DELETE, OPTIONS\r$/m,
    }),
  ),
  // Host: section 3.2.
  ...['a/b', 'a b', 'a,b', 'x:y', 'x:80:80', '[::1', '[x]', 'u@x'].map((name) =>
    name === 'a,b'
      ? fine(`Host: ${name}`, `GET / HTTP/1.1\r\nHost: ${name}\r\n\r\n`)
      : refused(`Host: ${name}`, `GET / HTTP/1.1\r\nHost: ${name}\r\n\r\n`),
  ),
  ...['', 'x:', 'x:80', '[::1]:80', '[::ffff:1.2.3.4]', 'EXAMPLE.org.', 'a_b'].map((name) =>
    fine(`Host: ${name}`, `GET / HTTP/1.1\r\nHost: ${name}\r\n\r\n`),
  ),
  // Expect: RFC 9110 section 10.1.1.
  stored('Expect: 100-continue', put('Expect: 100-Continue\r\nContent-Length: 5\r\n', ''), 'hello', {
    statuses: [100, 204],
  }),
  stored(
    'Expect: 100-continue in HTTP/1.0',
    `PUT /b/stored HTTP/1.0\r\n${host}Connection: keep-alive\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello`,
    'hello',
  ),
  {
    what: 'another expectation',
    bytes: put('Expect: coffee\r\nContent-Length: 5\r\n', ''),
    statuses: [417],
    stays: false,
  },
  // Pipelines.
  fine('three requests at once', get() + get('', '/b/missing') + get(), { statuses: [200, 404, 200] }),
  {
    what: 'nonsense behind a request',
    bytes: `${get()}\0nonsense\r\n\r\n`,
    statuses: [200],
    stays: false,
    unsaid: true,
  },
  fine('a PUT without a length', put('', ''), { statuses: [411] }),
  fine('a PUT of a range', put('Content-Range: bytes 0-4/9\r\nContent-Length: 0\r\n', ''), { statuses: [400] }),
]
