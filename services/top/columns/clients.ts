// The table of clients: threads that use rings, and addresses that ask the daemon for files. To add a column, copy its neighbour and give it a place.
import { name, numberColumn, part, rateColumn, size, type Table } from '../column.ts'
import type { ClientRow } from '../snapshot.ts'

export const clientsTable: Table<ClientRow> = {
  name: 'clients',
  sorted: { title: 'KIND', descending: true },
  empty: 'no clients',
  columns: [
    {
      title: 'CLIENT',
      about: 'a thread of the process, or the address of an HTTP client',
      width: 20,
      widthMax: 60,
      align: 'left',
      rank: 0,
      text: ({ client }, width) => name(client, width),
      style: () => 'strong',
      value: ({ client }) => client,
    },
    {
      title: 'KIND',
      about: 'thread: uses rings; http: asks for files',
      width: 6,
      align: 'left',
      rank: 1,
      text: ({ kind }) => kind,
      value: ({ kind }) => kind,
    },
    rateColumn('PER S', 'operations of a thread, requests of an HTTP client', 0, (row: ClientRow) => row.perSecond),
    numberColumn('BYTES/S', 'bytes a second', 1, (row: ClientRow) => row.bytesPerSecond, { write: size }),
    numberColumn('INFL', 'in flight or waiting; HTTP: being answered', 1, (row: ClientRow) => row.inFlight),
    numberColumn(
      'TOTAL',
      'operations since the start; HTTP requests since top looks',
      2,
      (row: ClientRow) => row.total,
    ),
    numberColumn('CPU', 'of the thread', 3, (row: ClientRow) => row.cpuShare, { write: part }),
    numberColumn(
      'CPU WAIT',
      'the part of the time that the thread wanted a CPU and had none',
      4,
      (row: ClientRow) => row.waitShare,
      { write: part },
    ),
  ],
}
