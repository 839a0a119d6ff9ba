// The other end of $NOTIFY_SOCKET, as a service manager has it: a datagram socket that Python holds, and what it received.
import { spawn } from 'node:child_process'
import { once } from 'node:events'

const listener = `
import json, socket, sys
path = sys.argv[1]
listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
listener.bind('\\0' + path[1:] if path.startswith('@') else path)
print('null', flush=True)
while True:
    print(json.dumps(listener.recv(65536).decode()), flush=True)
`

export interface NotifySocket extends AsyncDisposable {
  /** What was received so far, each message as its assignments. */
  readonly messages: readonly Readonly<Record<string, string>>[]
  /** How many messages have this assignment. */
  count(name: string): number
}

/** Listens at `path`, or '@' and a name in the abstract space. */
export async function openNotifySocket(path: string): Promise<NotifySocket> {
  const child = spawn('python3', ['-c', listener, path], { stdio: ['ignore', 'pipe', 'inherit'] })
  const messages: Record<string, string>[] = []
  let rest = ''
  await new Promise<void>((resolve, reject) => {
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      const lines = (rest + chunk).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) {
        const message = JSON.parse(line) as string | null
        if (message === null) resolve()
        else messages.push(assignments(message))
      }
    })
    child.once('exit', () => {
      reject(new Error(`the listener at ${path} has ended`))
    })
  })
  return {
    messages,
    count: (name) => messages.filter((message) => name in message).length,
    [Symbol.asyncDispose]: async () => {
      const exited = once(child, 'exit')
      if (child.exitCode === null && child.kill('SIGKILL')) await exited
    },
  }
}

function assignments(message: string): Record<string, string> {
  return Object.fromEntries(
    message.split('\n').map((line) => {
      const at = line.indexOf('=')
      return [line.slice(0, at), line.slice(at + 1)]
    }),
  )
}
