// Node's own tests of net and http, with sockets of ringmaster/net in the place of node:net's. For people, not part of the suite: the tests
// are Node's and not here. `node test/net/nodes-own.mjs FOLDER [PATTERN]`, where FOLDER has Node's test/common and test/parallel of the version
// that runs. Each test is carried out with node:net and, where that passes, with ours; after `npm run build`.
import { spawn } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { clearInterval } from 'node:timers'
import { parentPort } from 'node:worker_threads'

const here = fileURLToPath(import.meta.url)
const timeoutMs = 20_000

/** One test in a process of its own: null where it passed, or the line of its error. */
function carryOut(folder, name, own) {
  const text = readFileSync(join(folder, 'parallel', name), 'utf8')
  const flags = /^\/\/ Flags: (.*)$/m.exec(text)?.[1].split(/\s+/).filter(Boolean) ?? []
  const imports = own ? ['--import', `file://${here}`] : []
  const env = { ...process.env, NODE_TEST_OURS: own ? folder : '', NODE_TEST_KNOWN_GLOBALS: '0' }
  const child = spawn(process.execPath, [...imports, ...flags, join(folder, 'parallel', name)], { env })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes) => (output += bytes))
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      output += '\nhangs'
      child.kill('SIGKILL')
    }, timeoutMs)
    child.on('close', (code, signal) => {
      clearTimeout(timer)
      const lines = output.split('\n')
      const line = lines.find((each) => /^(\w*Error|Mismatched|AssertionError|hangs|\s+code: )/.test(each))
      resolve(code === 0 ? null : (line ?? lines.find(Boolean) ?? `${code} ${signal}`).slice(0, 160))
    })
  })
}

async function runAll(folder, pattern) {
  const names = readdirSync(join(folder, 'parallel')).filter((name) => /\.m?js$/.test(name) && pattern.test(name))
  const counts = { same: 0, differs: 0, notHere: 0 }
  const lane = async () => {
    for (let name = names.shift(); name !== undefined; name = names.shift()) {
      const theirs = await carryOut(folder, name, false)
      const ours = theirs === null ? await carryOut(folder, name, true) : null
      counts[theirs !== null ? 'notHere' : ours === null ? 'same' : 'differs']++
      console.log(
        `${theirs !== null ? 'NOT HERE' : ours === null ? 'passes' : 'DIFFERS'} ${name} ${theirs ?? ours ?? ''}`,
      )
    }
  }
  await Promise.all(Array.from({ length: availableParallelism() }, lane))
  console.log(`${counts.same} pass, ${counts.differs} differ, ${counts.notHere} do not pass with node:net here`)
}

/** In the process of a test: what it requires as net is ours, and http listens and connects with it. */
async function replaceNet(folder) {
  const { Ringmaster } = await import('../../dist/services/index.js')
  const ours = await import('../../dist/services/net/index.js')
  const rings = await Ringmaster.start({ rings: 1, poller: process.env.NODE_TEST_POLLER ?? 'caller' })
  const require = createRequire(import.meta.url)
  const net = require('net')
  const http = require('http')
  const connect = (...given) => ours.connect(rings, ...given)
  function Server(options, onConnection) {
    return ours.createServer(rings, options ?? {}, onConnection)
  }
  Server.prototype = ours.Server.prototype
  function Socket(options) {
    return new ours.Socket(options)
  }
  Socket.prototype = ours.Socket.prototype
  const replaced = Object.assign(Object.create(net), { Server, Socket, connect, createConnection: connect })
  replaced.createServer = (options, onConnection) => Server(options, onConnection)
  replaced.Stream = Socket
  const { Module } = require('module')
  const load = Module._load
  Module._load = function (id, parent, ...rest) {
    const wanted = (id === 'net' || id === 'node:net') && parent?.filename?.startsWith(join(folder, 'parallel'))
    return wanted ? replaced : load.call(this, id, parent, ...rest)
  }
  http.Agent.prototype.createConnection = connect
  serveWith(http.Server.prototype, (...given) => ours.createServer(rings, ...given))
}

function serveWith(prototype, createServer) {
  const servers = new WeakMap()
  const methods = {
    listen(...given) {
      const callback = typeof given.at(-1) === 'function' ? given.pop() : undefined
      if (callback !== undefined) this.once('listening', callback)
      const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.emit('connection', socket))
      server.maxConnections = this.maxConnections
      servers.set(this, server)
      for (const event of ['listening', 'error', 'close', 'drop']) server.on(event, (value) => this.emit(event, value))
      server.listen(...given)
      return this
    },
    close(callback) {
      this.closeIdleConnections()
      const interval = Object.getOwnPropertySymbols(this).find((symbol) => /CheckingInterval/.test(String(symbol)))
      if (interval !== undefined) clearInterval(this[interval])
      const server = servers.get(this) ?? createServer(() => undefined)
      server.close(callback)
      return this
    },
    address() {
      return servers.get(this)?.address() ?? null
    },
    getConnections(callback) {
      servers.get(this)?.getConnections(callback)
      return this
    },
    ref() {
      servers.get(this)?.ref()
      return this
    },
    unref() {
      servers.get(this)?.unref()
      return this
    },
  }
  Object.assign(prototype, methods)
  const listening = {
    get() {
      return servers.get(this)?.listening ?? false
    },
  }
  Object.defineProperty(prototype, 'listening', listening)
}

const { NODE_TEST_OURS } = process.env
if (NODE_TEST_OURS) {
  if (parentPort === null) await replaceNet(NODE_TEST_OURS)
} else if (process.argv[1] === here) {
  const [folder, pattern = '^test-(net|http)-'] = process.argv.slice(2)
  await runAll(folder, new RegExp(pattern))
}
