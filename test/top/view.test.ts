// What keys do to what is shown.
import { expect, it } from 'vitest'
import { firstView, press, type Shown, type View } from '../../services/top/view.ts'

const shown: Shown = { titles: ['RING', 'POLLER', 'OP/S'], page: 10, scrollMax: 25 }
const after = (names: readonly string[], view: View = firstView): View =>
  names.reduce((one, name) => press(one, { name, ctrl: false }, shown)!, view)

it('q, Ctrl-C and Ctrl-D quit; other keys with Ctrl do nothing', () => {
  expect(press(firstView, { name: 'q', ctrl: false }, shown)).toBeNull()
  expect(press(firstView, { name: 'c', ctrl: true }, shown)).toBeNull()
  expect(press(firstView, { name: 'd', ctrl: true }, shown)).toBeNull()
  expect(press(firstView, { name: 'r', ctrl: true }, shown)).toBe(firstView)
})

it('left and right choose the column within those that are shown, r turns the order', () => {
  expect(after(['right']).sorts['rings']).toEqual({ title: 'POLLER', descending: true })
  expect(after(['right', 'right', 'right', 'right']).sorts['rings']).toEqual({ title: 'OP/S', descending: true })
  expect(after(['right', 'left', 'left']).sorts['rings']).toEqual({ title: 'RING', descending: false })
  expect(after(['r']).sorts['rings']).toEqual({ title: 'RING', descending: true })
  const gone = { ...firstView, sorts: { ...firstView.sorts, rings: { title: 'NO ROOM', descending: true } } }
  expect(after(['right'], gone).sorts['rings']?.title).toBe('RING')
})

it('the order of one table is not that of another', () => {
  const view = after(['3', 'r'])
  expect(view.only).toBe('files')
  expect(view.sorts['files']).toEqual({ title: 'REQ/S', descending: false })
  expect(view.sorts['rings']).toEqual(firstView.sorts['rings'])
})

it('Tab goes round the views in both directions; numbers choose one', () => {
  expect(
    ['tab', 'tab', 'tab', 'tab', 'tab', 'tab'].map((_, index, all) => after(all.slice(0, index + 1)).only),
  ).toEqual(['rings', 'operations', 'files', 'clients', 'jobs', null])
  expect(after(['backtab']).only).toBe('jobs')
  expect([after(['2']).only, after(['2', '0']).only]).toEqual(['operations', null])
})

it('space freezes and goes on, ? helps and back, Escape leaves help', () => {
  expect([after(['space']).frozen, after(['space', 'space']).frozen]).toEqual([true, false])
  expect([after(['?']).help, after(['?', '?']).help, after(['h', 'escape']).help]).toEqual([true, false, false])
})

it('only what is alone is scrolled, within its rows', () => {
  expect(after(['down']).scroll).toBe(0)
  expect(after(['1', 'down', 'down', 'up']).scroll).toBe(1)
  expect([after(['1', 'end']).scroll, after(['1', 'pagedown']).scroll, after(['1', 'end', 'home']).scroll]).toEqual([
    25, 10, 0,
  ])
  expect(after(['?', 'down']).scroll).toBe(1)
  expect(after(['1', 'end', 'tab']).scroll).toBe(0)
})
