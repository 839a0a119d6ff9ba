// The table of operations, of all rings together. To add a column, copy its neighbour and give it a place.
import { bar, name, numberColumn, rateColumn, size, stageColumns, type Table } from '../column.ts'
import type { OperationRow } from '../snapshot.ts'

export const operationsTable: Table<OperationRow> = {
  name: 'operations',
  sorted: { title: 'OP/S', descending: true },
  empty: 'no operations yet',
  columns: [
    {
      title: 'OPERATION',
      about: 'as in the metrics',
      width: 14,
      widthMax: 20,
      align: 'left',
      rank: 0,
      text: ({ operation }, width) => name(operation, width),
      style: () => 'strong',
      value: ({ operation }) => operation,
    },
    {
      title: 'SHARE',
      about: 'of all operations a second',
      width: 12,
      widthMax: 30,
      align: 'left',
      rank: 2,
      text: ({ share }, width) => bar(share, width),
      style: () => 'accent',
      value: ({ share }) => share,
    },
    rateColumn('OP/S', 'completed a second', 0, (row: OperationRow) => row.perSecond),
    numberColumn('BYTES/S', 'bytes a second', 1, (row: OperationRow) => row.bytesPerSecond, { write: size }),
    rateColumn(
      'ERR/S',
      'failed a second',
      1,
      (row: OperationRow) => row.errorsPerSecond,
      ({ errorsPerSecond }) => (errorsPerSecond > 0 ? 'bad' : null),
    ),
    numberColumn('INFL', 'requested and not completed, waiting ones included', 3, (row: OperationRow) => row.inFlight),
    ...stageColumns<OperationRow>('queued', 'QUE', 6),
    ...stageColumns<OperationRow>('kernel', 'KER', 2),
    ...stageColumns<OperationRow>('delivered', 'DEL', 6),
    numberColumn('TOTAL', 'completed since the start', 3, (row: OperationRow) => row.total),
    numberColumn('ERRORS', 'failed since the start', 5, (row: OperationRow) => row.errorsTotal),
  ],
}
