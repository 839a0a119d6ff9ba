// The map of the disk, on the real one: loads that it has no trouble with, one that nothing could do, and nothing left behind.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { measureDiskMap } from '../../services/measure/disk-map.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ringmaster-map-'))
})
afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
})

const small = { bytesMax: 8 << 20, seconds: 2 }

describe('the map of the disk', () => {
  it('has a cell for each pair of rates, says what was too much, and leaves nothing behind', async () => {
    // The second rate is more than any disk of today and any thread of JavaScript does.
    const limits = { readsPerSecondMax: 40e6, writeBytesPerSecondMax: 4e6 }
    const shares = { reads: [1e-6, 1], writes: [0, 0.5] }
    const { cells, cellSeconds } = await measureDiskMap({ ...small, ...limits, folder, shares })
    expect(cellSeconds).toBeGreaterThan(0)
    expect(cells.map((cell) => [cell.writeBytesPerSecond, cell.readsPerSecond])).toEqual([
      [0, 40],
      [0, 40e6],
      [2e6, 40],
      [2e6, 40e6],
    ])
    for (const { readsPerSecond, readsDonePerSecond, keepsUp, ...times } of cells) {
      if (readsPerSecond > 40) expect(keepsUp).toBe(false)
      expect(readsDonePerSecond).toBeGreaterThan(0)
      expect(times.p95Ns).toBeGreaterThanOrEqual(times.p50Ns)
      expect(times.p99Ns).toBeGreaterThanOrEqual(times.p95Ns)
    }
    const written = cells.map(({ writeBytesDonePerSecond: done }) => done === null || done > 0)
    expect(written).toEqual([false, false, true, true])
    expect(readdirSync(folder)).toEqual([])
  })

  it('stops when it is told to, and leaves nothing behind', async () => {
    const stop = new AbortController()
    const limits = { readsPerSecondMax: 1000, writeBytesPerSecondMax: 4e6 }
    const onProgress = (share: number): void => {
      if (share > 0) stop.abort()
    }
    const shares = { reads: [0.1], writes: [0, 0.5] }
    const map = measureDiskMap({ ...small, ...limits, folder, shares, onProgress, signal: stop.signal })
    await expect(map).rejects.toMatchObject({ name: 'AbortError' })
    expect(readdirSync(folder)).toEqual([])
  })
})
