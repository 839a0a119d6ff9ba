// The table of files that HTTP clients ask for. To add a column, copy its neighbour and give it a place.
import { numberColumn, rateColumn, size, type Table } from '../column.ts'
import type { FileRow } from '../snapshot.ts'
import { neutralise } from '../../visible-text.ts'
import { cutMiddle } from '../text.ts'

export const filesTable: Table<FileRow> = {
  name: 'files',
  sorted: { title: 'REQ/S', descending: true },
  empty: 'no file has been asked for since top looks',
  columns: [
    {
      title: 'FILE',
      about: 'its path below the served folder',
      width: 20,
      widthMax: 80,
      align: 'left',
      rank: 0,
      text: ({ file }, width) => cutMiddle(neutralise(file), width),
      style: () => 'strong',
      value: ({ file }) => file,
    },
    rateColumn('REQ/S', 'HTTP requests for it a second', 0, (row: FileRow) => row.requestsPerSecond),
    numberColumn('BYTES/S', 'bytes of it sent a second', 1, (row: FileRow) => row.bytesPerSecond, { write: size }),
    numberColumn('OPEN', 'requests that are being answered with it', 1, (row: FileRow) => row.open),
    numberColumn('REQUESTS', 'since top looks', 2, (row: FileRow) => row.requests),
    numberColumn('BYTES', 'since top looks', 3, (row: FileRow) => row.bytes, { write: size }),
  ],
}
