// A leg over HTTP: the file service of `ringmaster serve` on the rings of the layout, in this process, and another process that asks it. Does each
// window as the threads of clients.ts do. Started by main.ts.
import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { relative, sep } from 'node:path'
import { pino } from 'pino'
import { ServedRoot } from '../../cli/served-root.ts'
import { HttpServer } from '../../http/http-server.ts'
import type { Ringmaster } from '../../ringmaster.ts'
import { LatencyHistogram } from '../latency-histogram.ts'
import type { LegOrder } from '../order.ts'
import type { TeamResult } from './clients.ts'
import type { AskedFile, LoadAnswer, LoadOrder } from './http-protocol.ts'
import { secretFolder } from './secret-folder.ts'
import type { StationWindow } from './station.ts'

const drainMsMax = 1000

export class HttpTeam {
  private readonly server: HttpServer
  private readonly folder: ServedRoot
  private readonly load: ChildProcess

  private constructor(server: HttpServer, folder: ServedRoot, load: ChildProcess) {
    this.server = server
    this.folder = folder
    this.load = load
  }

  static async start({ data }: LegOrder, rings: Ringmaster): Promise<HttpTeam> {
    const { root, paths } = data
    if (root === undefined || paths.length === 0) throw new Error('the workload http needs a folder with files')
    const folder = await ServedRoot.open(rings, root)
    const log = pino({ level: 'silent' })
    const secret = `${randomBytes(16).toString('hex')}/`
    const server = await HttpServer.start({ folder: secretFolder(folder, secret), host: '127.0.0.1', port: 0, log })
    const load = fork(new URL('./http-load.js', import.meta.url), {
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    })
    const team = new HttpTeam(server, folder, load)
    const files = paths.map((path): AskedFile => ({ path, target: targetOf(secret, relative(root, path)) }))
    await team.ask({ kind: 'start', port: server.address.port, files })
    return team
  }

  async run(window: StationWindow): Promise<TeamResult> {
    const answer = await this.ask({ kind: 'window', ...window })
    if (answer.kind !== 'done') throw new Error('the process that asks has answered something else')
    const { counts, maxNs, ...done } = answer.result
    return { ...done, latency: new LatencyHistogram(counts, maxNs), helperCpuNs: answer.cpuNs }
  }

  async close(): Promise<void> {
    this.load.disconnect()
    await this.server.drain(drainMsMax)
    await this.folder.close()
  }

  private ask(order: LoadOrder): Promise<Exclude<LoadAnswer, { kind: 'failed' }>> {
    const { load } = this
    return new Promise((resolve, reject) => {
      const over = (): void => {
        load.off('message', onMessage)
        load.off('exit', onExit)
      }
      const onMessage = (answer: LoadAnswer): void => {
        over()
        if (answer.kind === 'failed') reject(new Error(answer.reason))
        else resolve(answer)
      }
      const onExit = (code: number | null, signal: string | null): void => {
        over()
        reject(new Error(`the process that asks has ended: ${signal ?? `exit code ${code}`}`))
      }
      load.on('message', onMessage)
      load.on('exit', onExit)
      load.send(order)
    })
  }
}

/** Each part by itself: blanks, percent signs and letters of all kinds may be in names. */
const targetOf = (secret: string, path: string): string =>
  `/b/${secret}${path.split(sep).map(encodeURIComponent).join('/')}`
