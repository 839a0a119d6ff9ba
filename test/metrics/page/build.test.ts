// What the build makes of the live page: one file that carries the licences of what is in it.
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8')

describe('the built page', () => {
  it('carries the whole licence of uPlot, which asks for that in every copy', () => {
    const page = read('../../../dist/metrics/page.html')
    expect(page).toContain(read('../../../node_modules/uplot/LICENSE').trim())
  })
})
