// Features: each is found out by a trial. On this kernel they are what other questions say they are, and each trial can fail.
import { release } from 'node:os'
import { describe, expect, it } from 'vitest'
import { RegisterOp } from '../../native/abi.ts'
import { binding } from '../../native/binding.ts'
import { capabilities } from '../../native/capabilities.ts'
import { featureNames, featureRows, noFeatures, tryFeatures } from '../../native/features.ts'
import { descriptors } from '../services/harness.ts'

/** Allows no operation, no flag and no registration: what a kernel looks like that can do nothing. */
function denyEverything(ringFd: number): void {
  const rule = Uint8Array.of(2, 0, ...new Array<number>(14).fill(0)) // flags allowed: none
  expect(binding().register(ringFd, RegisterOp.REGISTER_RESTRICTIONS, rule, 1)).toBe(0)
  expect(binding().register(ringFd, RegisterOp.REGISTER_ENABLE_RINGS, null, 0)).toBe(0)
}

describe('features', () => {
  it.runIf(release().startsWith('6.18.'))(
    'are there on Linux 6.18, but for those that came later or are refused',
    async () => {
      const found = tryFeatures(await capabilities())
      const missing = featureNames.filter((name) => !found[name].ok)
      expect(missing).toEqual(['recvZc', 'socketGetsockname', 'resizeRings', 'memRegion'])
      expect(found.socketGetsockname.reason).toBe('a trial ended with ENOTSUP; it came with Linux 6.19')
    },
  )

  it('fail, one and all, where the kernel denies everything', async () => {
    const denied = tryFeatures(await capabilities(), denyEverything)
    expect(featureNames.filter((name) => denied[name].ok)).toEqual([])
    const reasons = featureNames
      .filter((name) => featureRows[name].refused === undefined)
      .map((name) => denied[name].reason)
    for (const reason of reasons) expect(reason).toMatch(/^a trial ended with EACCES; it came with Linux /)
  })

  it('are not tried without the opcodes and bits that they need, which is said', () => {
    const found = tryFeatures({ opcodes: [], features: 0 })
    expect(found.sendZc).toMatchObject({ ok: false, reason: 'this kernel has no SEND_ZC; it came with Linux 6.0' })
    expect(found.recvBundle).toMatchObject({
      ok: false,
      reason: 'this kernel does not report it; it came with Linux 6.10',
    })
    expect(found.cancelAny.ok).toBe(true)
  })

  it('are none where io_uring cannot be used', () => {
    const none = noFeatures('it is turned off')
    for (const name of featureNames) expect(none[name]).toMatchObject({ ok: false, reason: 'it is turned off' })
  })

  it('leave nothing open behind them', async () => {
    const report = await capabilities()
    tryFeatures(report)
    const before = descriptors()
    tryFeatures(report)
    tryFeatures(report, denyEverything)
    expect(descriptors()).toEqual(before)
  })

  it('have a trial each, or a reason to be refused', () => {
    for (const name of featureNames) {
      const { trial, proof, refused } = featureRows[name]
      expect([
        name,
        (trial === undefined) === (proof === undefined),
        (trial === undefined) === (refused !== undefined),
      ]).toEqual([name, true, true])
    }
  })
})
