// openAdmin(): a program that uses the library, seen by `ringmaster top` and by Prometheus.
import { expect, it } from 'vitest'
import { openAdmin } from '../../services/admin.ts'
import type { Snapshot } from '../../services/top/snapshot.ts'
import { Ringmaster } from '../../services/ringmaster.ts'
import { runCommand } from '../cli/command.ts'
import { parseExposition } from '../metrics/exposition.ts'

it('shows rings and jobs of a program to top, its metrics to whoever scrapes, and is gone when closed', async () => {
  await using rings = await Ringmaster.start({ poller: 'caller' })
  const admin = await openAdmin(rings, { port: 0 })
  const background = rings.view({ priority: 'background' })
  await background.readFile(import.meta.filename)
  await rings.nopBatch(100)
  const { code, stdout, stderr } = await runCommand(
    'top',
    '--once',
    '--json',
    '--interval',
    '0.3',
    '--admin',
    admin.url,
  )
  expect([code, stderr]).toEqual([0, ''])
  const { totals, jobs, files, daemon, ready } = JSON.parse(stdout) as Snapshot
  expect(daemon.pid).toBe(process.pid)
  expect(ready).toEqual({ ok: true, reason: '' })
  // Nothing happens any more: what is told is what there was.
  expect(totals.operations).toBe(rings.stats().rings[0]!.completions)
  expect(jobs).toEqual([expect.objectContaining({ kind: 'background', name: 'views on ring 0', progress: -1 })])
  expect(files).toBeNull()
  const index = await (await fetch(admin.url)).text()
  expect(index).toContain('/trace')
  expect(index).not.toContain('/traffic')
  const metrics = await (await fetch(`${admin.url}/metrics`)).text()
  const completions = parseExposition(metrics).get('ringmaster_operation_completions_total')!.samples
  expect(completions.reduce((sum, { value }) => sum + value, 0)).toBe(totals.operations)
  await admin.close()
  await admin.close()
  await expect(fetch(admin.url)).rejects.toThrow('fetch failed')
  expect(await rings.readFile(import.meta.filename, 'utf8')).toContain('openAdmin')
})

it('refuses addresses that other machines can reach, and says so where one is taken', async () => {
  await using rings = await Ringmaster.start({ poller: 'caller' })
  await expect(openAdmin(rings, { host: '0.0.0.0', port: 0 })).rejects.toMatchObject({
    code: 'ERR_INVALID_ARG_VALUE',
    message: expect.stringContaining('options.public') as string,
  })
  await using taken = await openAdmin(rings, { port: 0 })
  await expect(openAdmin(rings, { port: Number(new URL(taken.url).port) })).rejects.toMatchObject({
    code: 'EADDRINUSE',
  })
})
