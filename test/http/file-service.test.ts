// What the service answers, and that no failure of storage does more than fail one request.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Folder, StoredFile } from '../../services/http/storage.ts'
import { exchange, patternBytes, statusOf } from './clients.ts'
import { startService, type Service } from './service.ts'

let service: Service

beforeAll(async () => {
  service = await startService()
})
afterAll(async () => {
  await service[Symbol.asyncDispose]()
})

const put = (name: string, content: string | Buffer): void => {
  writeFileSync(join(service.root, name), content)
}

describe('GET', () => {
  it.each([0, 1, 4096, 16 * 1024, 16 * 1024 + 1, 256 * 1024, 256 * 1024 + 1, 1_000_000])(
    'a file of %d bytes is sent whole',
    async (size) => {
      const content = patternBytes(size)
      put('sized', content)
      const response = await fetch(service.url('/b/sized'))
      expect(response.status).toBe(200)
      expect(response.headers.get('content-length')).toBe(String(size))
      expect(Buffer.from(await response.arrayBuffer()).equals(content)).toBe(true)
    },
  )

  it.each([
    ['a.txt', 'text/plain; charset=utf-8'],
    ['a.html', 'text/html; charset=utf-8'],
    ['a.js', 'text/javascript; charset=utf-8'],
    ['a.json', 'application/json'],
    ['a.PNG', 'image/png'],
    ['a.tar.gz', 'application/gzip'],
    ['a.unknown-extension', 'application/octet-stream'],
    ['Makefile', 'application/octet-stream'],
    ['html', 'application/octet-stream'],
    ['.html', 'application/octet-stream'],
  ])('%s is %s, and never to be guessed again', async (name, type) => {
    put(name, 'x')
    const response = await fetch(service.url(`/b/${name}`))
    expect(response.headers.get('content-type')).toBe(type)
    expect(response.headers.get('x-content-type-options')).toBe('nosniff')
    expect(response.headers.get('accept-ranges')).toBe('bytes')
  })

  it('/ says what is here', async () => {
    const response = await fetch(service.url('/'))
    expect(response.status).toBe(200)
    expect(await response.text()).toContain('/b/{path}')
  })

  it('a query is not part of the name', async () => {
    put('query.txt', 'found')
    expect(await (await fetch(service.url('/b/query.txt?a=/../b'))).text()).toBe('found')
  })
})

describe('HEAD', () => {
  it('has the headers of GET, and nothing is read', async () => {
    await using watched = await startService({
      wrap: (folder) =>
        faulty(folder, {
          read: () => {
            throw new Error('HEAD must not read')
          },
        }),
    })
    writeFileSync(join(watched.root, 'a.txt'), 'twelve bytes')
    const response = await fetch(watched.url('/b/a.txt'), { method: 'HEAD' })
    expect(response.status).toBe(200)
    expect(response.headers.get('content-length')).toBe('12')
    expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8')
    expect(response.headers.has('etag')).toBe(true)
  })

  it.each([
    ['/', 200],
    ['/b/missing', 404],
    ['/b/%', 400],
  ])('%s is %d without a body', async (target, status) => {
    const answer = await exchange(service.port, `HEAD ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
    expect(statusOf(answer)).toBe(status)
    expect(answer.endsWith('\r\n\r\n')).toBe(true)
  })
})

describe('other methods', () => {
  it.each(['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'])('%s is 405 and says what is allowed', async (method) => {
    const response = await fetch(service.url('/b/a.txt'), { method })
    expect(response.status).toBe(405)
    expect(response.headers.get('allow')).toBe('GET, HEAD')
  })

  it('CONNECT, too', async () => {
    const answer = await exchange(service.port, 'CONNECT example.org:443 HTTP/1.1\r\nHost: example.org\r\n\r\n')
    expect(statusOf(answer)).toBe(405)
  })

  it('CONNECT and an expectation that is not met are counted', async () => {
    const counted = await service.metric('ringmaster_http_requests_total')
    await exchange(service.port, 'CONNECT example.org:443 HTTP/1.1\r\nHost: example.org\r\n\r\n')
    const head = 'GET /b/a.txt HTTP/1.1\r\nHost: x\r\nExpect: banana\r\nConnection: close\r\n\r\n'
    expect(statusOf(await exchange(service.port, head))).toBe(417)
    expect(await service.metric('ringmaster_http_requests_total')).toBe(counted + 2)
  })

  it('the body of a refused upload does not become the next request', async () => {
    const upload = `PUT /b/a HTTP/1.1\r\nHost: x\r\nContent-Length: 33\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n`
    const answer = await exchange(service.port, `${upload}GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
    expect(answer.match(/^HTTP\/1\.1 \d+/gm)).toEqual(['HTTP/1.1 405', 'HTTP/1.1 200'])
  })

  it('an upload that asks first is refused before it is sent', async () => {
    const head = 'PUT /b/a HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\nExpect: 100-continue\r\n\r\n'
    expect((await exchange(service.port, head)).match(/^HTTP\/1\.1 \d+/gm)).toEqual(['HTTP/1.1 405'])
  })
})

describe('when storage fails', () => {
  const failing = (code: string): Error => Object.assign(new Error(`${code}: of a test`), { code })
  const fail = (code: string) => (): never => {
    throw failing(code)
  }

  it.each([
    ['ENOENT', 404],
    ['EXDEV', 404],
    ['ELOOP', 404],
    ['EACCES', 403],
    ['EPERM', 403],
    ['EMFILE', 503],
    ['ENFILE', 503],
    ['ERR_RING_BACKLOG_FULL', 503],
    ['ERR_RING_LOST', 503],
    ['EIO', 500],
    ['EUNHEARDOF', 500],
  ])('opening with %s is %d', async (code, status) => {
    await using broken = await startService({ wrap: (folder) => faulty(folder, { open: fail(code) }) })
    const response = await fetch(broken.url('/b/a'))
    expect(response.status).toBe(status)
    expect(response.headers.has('retry-after')).toBe(status === 503)
    expect(await response.text()).not.toContain(code)
  })

  it('an open that raced with a rename is tried again', async () => {
    let races = 2
    await using raced = await startService({
      wrap: (folder) =>
        faulty(folder, {
          open: () => {
            if (races-- > 0) throw failing('EAGAIN')
          },
        }),
    })
    writeFileSync(join(raced.root, 'a'), 'found')
    expect(await (await fetch(raced.url('/b/a'))).text()).toBe('found')
  })

  it.each(['stat', 'read'] as const)('%s with EIO is 500, logged, and the file is closed', async (call) => {
    await using broken = await startService({ wrap: (folder) => faulty(folder, { [call]: fail('EIO') }) })
    for (const [name, size] of [
      ['small', 100],
      ['large', 1_000_000],
    ] as const) {
      writeFileSync(join(broken.root, name), patternBytes(size))
      expect((await fetch(broken.url(`/b/${name}`))).status).toBe(500)
    }
    expect(broken.log.some((line) => line['msg'] === 'request failed' && line['reason'] === 'EIO')).toBe(true)
    expect(broken.openFiles()).toEqual([])
    expect(await broken.metric('ringmaster_http_body_buffers_in_use')).toBe(0)
  })

  it('EIO in the middle of a body closes the connection: the promised length cannot be kept', async () => {
    let reads = 0
    await using broken = await startService({
      wrap: (folder) =>
        faulty(folder, {
          read: () => {
            if (++reads === 3) throw failing('EIO')
          },
        }),
    })
    writeFileSync(join(broken.root, 'a'), patternBytes(3_000_000))
    const response = await fetch(broken.url('/b/a'))
    expect(response.status).toBe(200)
    await expect(response.arrayBuffer()).rejects.toThrow()
    await expect.poll(() => broken.metric('ringmaster_http_cut_short_total'), { timeout: 10_000 }).toBe(1)
    expect(broken.openFiles()).toEqual([])
  })

  it('a failing close is logged, and the answer is good', async () => {
    await using broken = await startService({ wrap: (folder) => faulty(folder, { close: fail('EIO') }) })
    writeFileSync(join(broken.root, 'a'), 'content')
    expect(await (await fetch(broken.url('/b/a'))).text()).toBe('content')
    await expect
      .poll(() => broken.log.some((line) => line['msg'] === 'closing a file failed'), { timeout: 10_000 })
      .toBe(true)
  })

  it('short reads are completed', async () => {
    const content = patternBytes(5_000)
    await using slow = await startService({ wrap: (folder) => faulty(folder, { readBytesMax: 999 }) })
    writeFileSync(join(slow.root, 'a'), content)
    expect(Buffer.from(await (await fetch(slow.url('/b/a'))).arrayBuffer()).equals(content)).toBe(true)
  })
})

it('files on tmpfs are served as well', async () => {
  const parent = mkdtempSync('/dev/shm/ringmaster-')
  try {
    await using memory = await startService({ parent })
    const content = patternBytes(700_000)
    writeFileSync(join(memory.root, 'a'), content)
    expect(Buffer.from(await (await fetch(memory.url('/b/a'))).arrayBuffer()).equals(content)).toBe(true)
  } finally {
    rmSync(parent, { recursive: true })
  }
})

interface Faults {
  open?: () => void
  stat?: () => void
  read?: () => void
  close?: () => void
  readBytesMax?: number
}

/** A folder whose calls do what `faults` says first. Files are really closed, whatever is reported. */
function faulty(folder: Folder, faults: Faults): Folder {
  const wrap = (file: StoredFile): StoredFile => ({
    fd: file.fd,
    stat: async () => {
      faults.stat?.()
      return file.stat()
    },
    read: async (buffer, offset, length, position) => {
      faults.read?.()
      return file.read(buffer, offset, Math.min(length, faults.readBytesMax ?? length), position)
    },
    close: async () => {
      await file.close()
      faults.close?.()
    },
  })
  return {
    open: async (path, flags) => {
      faults.open?.()
      return wrap(await folder.open(path, flags))
    },
  }
}
