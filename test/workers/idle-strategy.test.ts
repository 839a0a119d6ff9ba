// Spin, then sleep: what idle() says after each look, as a table of times.
import { expect, it } from 'vitest'
import { IdleStrategy } from '../../workers/idle-strategy.ts'

// Looks at these milliseconds, w: work was found then.
const cases: readonly { spinNs: number; looks: readonly (number | 'w')[]; sleeps: readonly boolean[] }[] = [
  { spinNs: 0, looks: [0], sleeps: [true] },
  { spinNs: 1_000_000, looks: [0], sleeps: [false] },
  { spinNs: 1_000_000, looks: [0, 0.5, 0.999], sleeps: [false, false, false] },
  { spinNs: 1_000_000, looks: [5, 6], sleeps: [false, true] },
  { spinNs: 1_000_000, looks: [0, 0.9, 'w', 1.5, 2.4, 2.5], sleeps: [false, false, false, false, true] },
  { spinNs: 1_000_000, looks: [0, 2, 'w', 2, 3], sleeps: [false, true, false, true] },
  { spinNs: 50_000, looks: [0, 0.04, 0.05], sleeps: [false, false, true] },
]

it.each(cases)('with $spinNs ns to spin and looks at $looks', ({ spinNs, looks, sleeps }) => {
  const idle = new IdleStrategy(spinNs)
  const said: boolean[] = []
  for (const look of looks) {
    if (look === 'w') idle.worked()
    else said.push(idle.idle(look))
  }
  expect(said).toEqual(sleeps)
})
