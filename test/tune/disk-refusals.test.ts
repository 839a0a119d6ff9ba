// A disk on which nothing more can be written: the leg says what the kernel said, and here it is said where, and what to do.
import { describe, expect, it } from 'vitest'
import { DataError } from '../../services/measure/own-data.ts'
import { explainingDisk } from '../../services/tune/real-machine.ts'
import { defaultLayout } from '../../services/tune/layouts.ts'

const layout = defaultLayout({ poller: 'worker', rings: 1, sqThreads: 'own', sqThreadIdleMs: 50 })
const failing = (message: string): Promise<unknown> => {
  const subject = explainingDisk({ measure: () => Promise.reject(new Error(message)) }, '/data/here')
  return subject.measure(layout, 1).catch((error: unknown) => error)
}

describe('a leg that fails', () => {
  it.each([
    'ENOSPC: no space left on device, write',
    'EROFS: read-only file system, open',
    'EDQUOT: disk quota exceeded',
  ])('by %s: the folder and what to do', async (message) => {
    const error = await failing(message)
    expect(error).toBeInstanceOf(DataError)
    expect(error).toMatchObject({ message: expect.stringContaining(message) as string })
    expect(error).toMatchObject({ message: expect.stringMatching(/in \/data\/here.*--data-dir/) as string })
  })

  it('by something else is as it was', async () => {
    expect(await failing('the leg ended without a result')).toMatchObject({ message: 'the leg ended without a result' })
  })
})
