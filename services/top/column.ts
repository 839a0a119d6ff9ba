// What a column of a table is, and how numbers are written in one. Used by columns/: adding a column is copying its neighbour there. Pure.
import { bytes, duration, percent, short } from '../../metrics/page/format.ts'
import { neutralise } from '../visible-text.ts'
import { cut, type Align } from './text.ts'
import type { Stages, StageTimes } from './snapshot.ts'
import type { Style } from './style.ts'

export interface Column<Row> {
  readonly title: string
  /** In the help. */
  readonly about: string
  /** Of a terminal's columns; the least where it grows. */
  readonly width: number
  /** It takes up to so many where there is room. */
  readonly widthMax?: number
  readonly align: Align
  /** What is dropped first where there is no room: the highest. */
  readonly rank: number
  readonly text: (row: Row, width: number) => string
  readonly style?: (row: Row) => Style | null
  /** What is sorted by; unknown numbers (NaN) come last. */
  readonly value: (row: Row) => number | string
}

export interface Table<Row> {
  readonly name: string
  readonly columns: readonly Column<Row>[]
  /** What is sorted by until somebody chooses. Null: as the rows come. */
  readonly sorted: { readonly title: string; readonly descending: boolean }
  /** Instead of rows where there are none. */
  readonly empty: string
}

const unknown = '–'
const known = (value: number, write: (value: number) => string): string =>
  Number.isFinite(value) ? write(value) : unknown

/** A number of something. */
export const count = (value: number): string => known(value, short)
/** Of something a second: 0, 6.0, 12, 12.3k. Of a rate that is whole for once the figures after it must not move. */
export const rate = (value: number): string =>
  known(value, (one) =>
    one > 0 && one < 0.05 ? '<0.1' : one > 0 && one < 9.95 ? one.toFixed(1) : short(Math.round(one)),
  )
/** 12.3µs */
export const time = (ns: number): string => duration(ns).replace(' ', '')
/** 1.5MiB */
export const size = (value: number): string => known(value, (one) => bytes(one).replace(' ', ''))
/** 45% */
export const part = (share: number): string => (share > 0 && share < 0.0005 ? '<0.1%' : percent(share).replace(' ', ''))
/** What others have named. */
export const name = (text: string, width: number): string => cut(neutralise(text), width)

const full = '█'
const empty = '░'

/** ███░░░░ 43%: a share as a bar, with its number where there is room. What is not nothing is seen. */
export function bar(share: number, width: number): string {
  if (!Number.isFinite(share)) return unknown
  const label = width >= 11 ? ` ${part(share)}`.padStart(6) : ''
  const cells = width - label.length
  const filled = Math.min(cells, share > 0 ? Math.max(1, Math.round(share * cells)) : 0)
  return full.repeat(filled) + empty.repeat(cells - filled) + label
}

/** A number; sizes are up to seven characters, others up to five. */
export const numberColumn = <Row>(
  title: string,
  about: string,
  rank: number,
  value: (row: Row) => number,
  { write = count, style }: { write?: (value: number) => string; style?: (row: Row) => Style | null } = {},
): Column<Row> => ({
  title,
  about,
  width: Math.max(write === size ? 7 : 5, title.length),
  align: 'right',
  rank,
  text: (row) => write(value(row)),
  ...(style !== undefined && { style }),
  value,
})

/** So many a second. */
export const rateColumn = <Row>(
  title: string,
  about: string,
  rank: number,
  value: (row: Row) => number,
  style?: (row: Row) => Style | null,
): Column<Row> => numberColumn(title, about, rank, value, { write: rate, ...(style !== undefined && { style }) })

/** Median and 99th percentile of a stage; `short`: its name in the titles. */
export const stageColumns = <Row extends { readonly stages: Stages }>(
  stage: keyof Stages,
  short: string,
  rank: number,
): Column<Row>[] =>
  (['p50Ns', 'p99Ns'] as const).map((quantile: keyof StageTimes) => ({
    title: `${short} P${quantile.slice(1, 3)}`,
    about: `${quantile === 'p50Ns' ? 'median' : '99th percentile'} of the stage "${stage}", of the last 10 s`,
    width: 7,
    align: 'right',
    rank,
    text: ({ stages }) => time(stages[stage][quantile]),
    value: ({ stages }) => stages[stage][quantile],
  }))
