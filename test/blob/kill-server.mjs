// A blob service in a process of its own, to be killed: of the compiled code, on the folder that is named. Says its port.
import { BlobService } from '../../dist/services/blob/service.js'
import { Ringmaster } from '../../dist/services/ringmaster.js'

const ignored = () => undefined
const rings = await Ringmaster.start({ rings: 1, poller: 'caller' })
const service = await BlobService.start({
  rings,
  root: process.argv[2],
  host: '127.0.0.1',
  port: 0,
  log: { debug: ignored, info: ignored, warn: ignored, error: ignored },
  durability: process.argv[3],
})
process.stdout.write(`${service.address.port}\n`)
process.stdin.resume() // until it is killed
