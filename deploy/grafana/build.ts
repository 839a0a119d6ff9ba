// Makes a Grafana dashboard of rows of panels: numbers panels, lays them out, and gives all of them what they have in common. Called by
// dashboards.ts; the rows are in operations.ts, rings.ts and daemon.ts. Built with Grafana's own SDK, whose types are the schema of its dashboards.
import {
  LegendDisplayMode,
  LegendPlacement,
  ScaleDistribution,
  SortOrder,
  StackingMode,
  TooltipDisplayMode,
} from '@grafana/grafana-foundation-sdk/common'
import * as common from '@grafana/grafana-foundation-sdk/common'
import * as dashboard from '@grafana/grafana-foundation-sdk/dashboard'
import * as heatmap from '@grafana/grafana-foundation-sdk/heatmap'
import * as prometheus from '@grafana/grafana-foundation-sdk/prometheus'
import * as stat from '@grafana/grafana-foundation-sdk/stat'
import * as timeseries from '@grafana/grafana-foundation-sdk/timeseries'

export interface Query {
  readonly expr: string
  readonly legend: string
}

export interface PanelRow {
  readonly title: string
  /** What the numbers are, and what an operator sees in them. */
  readonly description: string
  readonly kind?: 'timeseries' | 'stacked' | 'stat' | 'heatmap'
  /** Grafana's name of it: s, bytes, percentunit, ops, short, … */
  readonly unit: string
  /** Of 24 columns. */
  readonly width: number
  readonly max?: number
  readonly queries: readonly Query[]
}

export interface Row {
  readonly title: string
  readonly panels: readonly PanelRow[]
}

export interface DashboardRows {
  readonly uid: string
  readonly title: string
  readonly description: string
  readonly rows: readonly Row[]
}

const columns = 24
const heights = { timeseries: 8, stacked: 8, heatmap: 8, stat: 4 } as const
const datasource = { type: 'prometheus', uid: '${datasource}' } as const

/** What the pickers at the top choose: of the process, and of its rings. */
export const ofProcess: string = 'job=~"$job",instance=~"$instance"'
export const ofRing: string = `${ofProcess},ring=~"$ring"`

/** How often a counter counts: per second, added up to the labels of `level`. */
export const perSecond = (metric: string, level: string, labels: string = ofRing): string =>
  `sum by (${level}) (rate(${metric}{${labels}}[$__rate_interval]))`

/**
 * A quantile of a stage: from the native histogram where Prometheus scrapes those, from classic buckets otherwise. `level`: labels to
 * keep, without `le`.
 */
export function quantile(share: number, metric: string, level: string): string {
  const of = (suffix: string, labels: string): string =>
    `histogram_quantile(${share}, sum by (${labels}) (rate(${metric}${suffix}{${ofRing}}[$__rate_interval])))`
  return `${of('', level)} or ${of('_bucket', `${level}, le`)}`
}

/** Observations per bucket, for a heat map: native, or classic. */
export function buckets(metric: string): string {
  const of = (suffix: string): string => `(increase(${metric}${suffix}{${ofRing}}[$__rate_interval]))`
  return `sum ${of('')} or sum by (le) ${of('_bucket')}`
}

type AnyPanel = timeseries.PanelBuilder | stat.PanelBuilder | heatmap.PanelBuilder

function visualization({ kind = 'timeseries', max }: PanelRow): AnyPanel {
  switch (kind) {
    case 'stat':
      return new stat.PanelBuilder()
    case 'heatmap':
      return new heatmap.PanelBuilder()
        .calculate(false)
        .yAxis(new heatmap.YAxisConfigBuilder().unit('s'))
        .scaleDistribution(new common.ScaleDistributionConfigBuilder().type(ScaleDistribution.Log).log(2))
    case 'timeseries':
    case 'stacked': {
      const legend = new common.VizLegendOptionsBuilder()
        .displayMode(LegendDisplayMode.List)
        .placement(LegendPlacement.Bottom)
        .showLegend(true)
      const tooltip = new common.VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi).sort(SortOrder.Descending)
      const panel = new timeseries.PanelBuilder().legend(legend).tooltip(tooltip).min(0)
      if (max !== undefined) panel.max(max)
      if (kind === 'stacked') {
        panel.stacking(new common.StackingConfigBuilder().mode(StackingMode.Normal).group('A')).fillOpacity(30)
      }
      return panel
    }
  }
}

function panelOf(row: PanelRow, id: number, gridPos: dashboard.GridPos): AnyPanel {
  const panel = visualization(row)
    .id(id)
    .title(row.title)
    .description(row.description)
    .unit(row.unit)
    .gridPos(gridPos)
    .datasource(datasource)
  for (const [index, { expr, legend }] of row.queries.entries()) {
    const query = new prometheus.DataqueryBuilder()
      .refId(String.fromCharCode('A'.charCodeAt(0) + index))
      .expr(expr)
      .legendFormat(row.kind === 'heatmap' ? '{{le}}' : legend)
      .format(row.kind === 'heatmap' ? prometheus.PromQueryFormat.Heatmap : prometheus.PromQueryFormat.TimeSeries)
    panel.withTarget(query)
  }
  return panel
}

function labelVariable(name: string, of: string): dashboard.QueryVariableBuilder {
  return new dashboard.QueryVariableBuilder(name)
    .datasource(datasource)
    .query(`label_values(${of}, ${name})`)
    .refresh(dashboard.VariableRefresh.OnTimeRangeChanged)
    .sort(dashboard.VariableSort.NumericalAsc)
    .multi(true)
    .includeAll(true)
    .allValue('.*')
}

/** A dashboard as Grafana imports it. The same rows give the same bytes. */
export function buildDashboard({ uid, title, description, rows }: DashboardRows): dashboard.Dashboard {
  const builder = new dashboard.DashboardBuilder(title)
    .uid(uid)
    .description(description)
    .tags(['ringmaster'])
    .time({ from: 'now-1h', to: 'now' })
    .refresh('30s')
    .readonly()
    .tooltip(dashboard.DashboardCursorSync.Crosshair)
    .link(
      new dashboard.DashboardLinkBuilder('Ringmaster')
        .type(dashboard.DashboardLinkType.Dashboards)
        .tags(['ringmaster'])
        .includeVars(true)
        .keepTime(true),
    )
    .withVariable(new dashboard.DatasourceVariableBuilder('datasource').label('Data source').type('prometheus'))
    .withVariable(labelVariable('job', 'ringmaster_ring_info'))
    .withVariable(labelVariable('instance', 'ringmaster_ring_info{job=~"$job"}'))
    .withVariable(labelVariable('ring', `ringmaster_ring_info{${ofProcess}}`))
  let id = 0
  let y = 0
  for (const row of rows) {
    builder.withRow(new dashboard.RowBuilder(row.title).id(++id).gridPos({ x: 0, y, w: columns, h: 1 }))
    y += 1
    let x = 0
    let lineHeight = 0
    for (const panel of row.panels) {
      if (x + panel.width > columns) {
        y += lineHeight
        x = 0
        lineHeight = 0
      }
      const h = heights[panel.kind ?? 'timeseries']
      builder.withPanel(panelOf(panel, ++id, { x, y, w: panel.width, h }))
      x += panel.width
      lineHeight = Math.max(lineHeight, h)
    }
    y += lineHeight
  }
  return builder.build()
}
