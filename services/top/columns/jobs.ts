// The table of jobs: resident services, and background work. To add a column, copy its neighbour and give it a place.
import type { LiveJob } from '../../../metrics/live-protocol.ts'
import { name, part, type Column, type Table } from '../column.ts'

const words = (
  title: string,
  about: string,
  room: Pick<Column<LiveJob>, 'width' | 'widthMax' | 'rank'>,
  value: (row: LiveJob) => string,
): Column<LiveJob> => ({
  ...{ title, about, value, align: 'left', ...room },
  text: (row, width) => name(value(row), width),
})

export const jobsTable: Table<LiveJob> = {
  name: 'jobs',
  sorted: { title: 'JOB', descending: false },
  empty: 'no resident service and no background work',
  columns: [
    {
      ...words('JOB', 'its name', { width: 16, widthMax: 40, rank: 0 }, (row) => row.name),
      style: () => 'strong',
    },
    words(
      'KIND',
      'service: runs inside a ring worker; background: requests of views',
      { width: 10, rank: 1 },
      (row) => row.kind,
    ),
    words('STATE', 'as it says', { width: 10, rank: 0 }, (row) => row.state),
    {
      title: 'DONE',
      about: 'how far it is, where it has an end',
      width: 5,
      align: 'right',
      rank: 2,
      text: ({ progress }) => part(progress < 0 ? NaN : progress),
      value: ({ progress }) => progress,
    },
    words('DETAIL', 'what it says of itself', { width: 20, widthMax: 80, rank: 1 }, (row) => row.detail),
  ],
}
