// The blob service against HTTP/1.1: one request, or what somebody hopes is taken for one, on a connection of its own; what is answered; and
// whether what follows on the connection is answered, too. The requests are in conformance-cases.ts.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Case } from './conformance-cases.ts'
import { fragmentEnds, smugglingCases, strictCases } from './conformance-cases.ts'
import { startObjects } from './objects.ts'
import type { Objects } from './objects.ts'
import { RawClient } from './raw-client.ts'

let service: Objects
const probe = 'GET /b/probe HTTP/1.1\r\nHost: x\r\n\r\n'

beforeAll(async () => {
  service = await startObjects({ durability: 'none' })
  writeFileSync(join(service.root, 'probe'), 'this is the probe')
  writeFileSync(join(service.root, 'secret'), 'nobody asked for this')
})
afterAll(async () => {
  expect(service.log).toEqual([])
  await service[Symbol.asyncDispose]()
})

async function check({ bytes, statuses, stays, stored, unsaid = false, has }: Case): Promise<void> {
  writeFileSync(join(service.root, 'stored'), 'before')
  const client = new RawClient(service.port)
  client.send(bytes)
  if (statuses[0] === 100) {
    await client.hear(1)
    client.send('hello')
  }
  await client.hear(statuses.length)
  client.send(probe)
  const answers = await client.hear(statuses.length + 1)
  const heard = answers.map(({ status }) => status)
  expect({ heard, ended: client.ended }).toEqual({ heard: stays ? [...statuses, 200] : statuses, ended: !stays })
  if (stays) expect(answers.at(-1)?.body.toString()).toBe('this is the probe')
  else if (!unsaid) expect(answers.at(-1)?.headers['connection']).toBe('close')
  const last = answers[statuses.length - 1]
  if (has !== undefined) expect(last?.head).toMatch(has)
  if (last!.status >= 200) expect(last?.headers['date']).toBeDefined() // RFC 9110 section 6.6.1
  expect(client.unread.length).toBe(0)
  expect(readFileSync(join(service.root, 'stored'), 'latin1')).toBe(stored ?? 'before')
  client.close()
}

describe('a request that ends', () => {
  it.each(fragmentEnds)('%s waits, and is answered when the rest has come', async (_what, start) => {
    const whole = 'GET /b/probe HTTP/1.1\r\nHost: localhost\r\n\r\n'
    const client = new RawClient(service.port)
    const other = new RawClient(service.port)
    client.send(start)
    for (let round = 1; round <= 3; round++) {
      other.send(probe)
      await other.hear(round)
    }
    expect([client.answers.length, client.ended]).toEqual([0, false])
    client.send(whole.slice(start.length))
    const [answer] = await client.hear(1)
    expect([answer?.status, answer?.body.toString()]).toEqual([200, 'this is the probe'])
    client.close()
    other.close()
  })
})

describe('h1spec:', () => {
  it.each(strictCases.map((row): [string, Case] => [row.what, row]))('%s', (_what, row) => check(row))
})

describe('nothing is smuggled:', () => {
  it.each(smugglingCases.map((row): [string, Case] => [row.what, row]))('%s', (_what, row) => check(row))
})
