// The busiest of many names in a small table, against exact counts.
import { expect, it } from 'vitest'
import { Busiest, top } from '../../services/http/busiest.ts'
import { seededRandom, testSeed } from '../services/harness.ts'

it('counts exactly what has a place', () => {
  const busiest = new Busiest(3)
  const first = busiest.begin('a')
  busiest.begin('a').open--
  busiest.begin('b').bytes += 10
  first.bytes += 5
  expect(top(busiest.rows(), 9)).toEqual([
    { id: 1, name: 'a', open: 1, requests: 2, bytes: 5 },
    { id: 2, name: 'b', open: 1, requests: 1, bytes: 10 },
  ])
  expect(top(busiest.rows(), 1)).toHaveLength(1)
})

it('whatever is more than one part in its size of all has a place, however many others come', () => {
  const random = seededRandom(testSeed('busiest'))
  const places = 20
  const busiest = new Busiest(places)
  const exact = new Map<string, number>()
  for (let at = 0; at < 20_000; at++) {
    const name = random() < 0.4 ? `hot ${Math.floor(random() * 4)}` : `once ${at}`
    exact.set(name, (exact.get(name) ?? 0) + 1)
    busiest.begin(name).open--
  }
  const rows = top(busiest.rows(), places)
  expect(rows).toHaveLength(places)
  const names = rows.map(({ name }) => name)
  for (const [name, count] of exact) if (count > 20_000 / places) expect(names).toContain(name)
  expect(names.slice(0, 4).sort()).toEqual(['hot 0', 'hot 1', 'hot 2', 'hot 3'])
  // What is told is never more than what was.
  for (const { name, requests } of rows) expect(requests).toBeLessThanOrEqual(exact.get(name)!)
})

it('what was busy long ago gives way', () => {
  const busiest = new Busiest(2)
  for (let at = 0; at < 1000; at++) busiest.begin('old').open--
  for (let at = 0; at < 10; at++) busiest.begin('older').open--
  for (let at = 0; at < 10; at++) busiest.halve()
  for (let at = 0; at < 5; at++) busiest.begin('new').open--
  expect(top(busiest.rows(), 1)[0]?.name).toBe('new')
})

it('what is being answered keeps its place while another can give way', () => {
  const busiest = new Busiest(2)
  busiest.begin('long')
  for (let at = 0; at < 100; at++) busiest.begin('quick').open--
  busiest.begin('other').open--
  expect(top(busiest.rows(), 2).map(({ name }) => name)).toContain('long')
  busiest.clear()
  expect(top(busiest.rows(), 2)).toEqual([])
})
