// The folder of a leg over HTTP, asked over a real server by somebody who does not know the secret.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { secretFolder } from '../../services/measure/leg/secret-folder.ts'
import { startService } from '../http/service.ts'

it('who knows the secret has the files, and nobody else', async () => {
  const secret = `${'5'.repeat(32)}/`
  await using service = await startService({ wrap: (folder) => secretFolder(folder, secret) })
  writeFileSync(join(service.root, 'a file'), 'content')
  const answers = await Promise.all(
    [`${secret}a%20file`, 'a%20file', `${'4'.repeat(32)}/a%20file`, `${secret.slice(1)}a%20file`, secret, ''].map(
      async (name) => {
        const response = await fetch(service.url(`/b/${name}`))
        return [response.status, await response.text()]
      },
    ),
  )
  const notThere = [404, '404 Not Found\n']
  expect(answers.map(([status]) => status)).toEqual([200, 404, 404, 404, expect.any(Number), 404])
  expect(answers[0]).toEqual([200, 'content'])
  expect(answers[1]).toEqual(notThere)
  expect(service.openFiles()).toEqual([])
})
