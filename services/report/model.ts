// What a report says: plain data between who makes it (services/bench/page.ts) and the page that draws it (page/main.ts). No behaviour.

export interface Report {
  readonly title: string
  /** The one sentence for who reads no further. */
  readonly lead: string
  /** What it was measured on and with. */
  readonly facts: readonly (readonly [string, string])[]
  readonly sections: readonly ReportSection[]
}

export interface ReportSection {
  readonly title: string
  readonly text: string
  readonly tables: readonly ReportTable[]
  readonly plots: readonly ReportPlot[]
  /** Small print. */
  readonly notes: readonly string[]
}

export interface ReportTable {
  readonly heading: readonly string[]
  /** The first cell of a row is its name, the others are figures. */
  readonly rows: readonly (readonly string[])[]
}

export interface ReportPlot {
  readonly title: string
  readonly xLabel: string
  readonly yLabel: string
  /** Ascending. What is written below them: `xTicks`, else the numbers. */
  readonly x: readonly number[]
  readonly xTicks: readonly string[] | null
  readonly logarithmic: boolean
  readonly series: readonly { readonly name: string; readonly values: readonly (number | null)[] }[]
}
