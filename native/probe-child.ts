// The throw-away process of probeInChild(): asks the kernel, prints the answer as JSON, and may be killed for asking.
import { probeHere } from './capabilities.ts'

process.stdout.write(JSON.stringify(probeHere()))
