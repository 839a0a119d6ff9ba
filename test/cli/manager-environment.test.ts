// What a service manager says in the environment, taken out of it before threads and children can see it.
import { describe, expect, it } from 'vitest'
import { takeManagerEnvironment } from '../../services/cli/manager-environment.ts'

const pid = 4711
const take = (env: NodeJS.ProcessEnv): ReturnType<typeof takeManagerEnvironment> => takeManagerEnvironment(env, pid)
const nothing = { notifySocket: undefined, watchdogMs: undefined, socketNames: [], complaints: [] }

it('is nothing where nobody asked', () => {
  expect(take({ PATH: '/bin' })).toEqual(nothing)
})

it('is taken out, and the rest is left', () => {
  const env = {
    PATH: '/bin',
    NOTIFY_SOCKET: '/run/notify',
    WATCHDOG_USEC: '30000000',
    WATCHDOG_PID: String(pid),
    LISTEN_FDS: '2',
    LISTEN_PID: String(pid),
    LISTEN_FDNAMES: 'http:admin',
  }
  expect(take(env)).toEqual({
    notifySocket: '/run/notify',
    watchdogMs: 30_000,
    socketNames: ['http', 'admin'],
    complaints: [],
  })
  expect(env).toEqual({ PATH: '/bin' })
})

describe('the watchdog', () => {
  it('of another process is not ours', () => {
    expect(take({ WATCHDOG_USEC: '1000000', WATCHDOG_PID: String(pid + 1) }).watchdogMs).toBeUndefined()
  })

  it('without a pid is', () => {
    expect(take({ WATCHDOG_USEC: '1000000' }).watchdogMs).toBe(1000)
  })

  it.each(['', '0'])('%j is none', (usec) => {
    expect(take({ WATCHDOG_USEC: usec })).toEqual(nothing)
  })

  it.each(['soon', '-1', '1e6', '99999999999999999999'])('%j is complained of, and no failure', (usec) => {
    const { watchdogMs, complaints } = take({ WATCHDOG_USEC: usec })
    expect(watchdogMs).toBeUndefined()
    expect(complaints).toEqual([expect.stringContaining(`WATCHDOG_USEC=${usec}`)])
  })
})

describe('sockets', () => {
  it.each([[String(pid + 1)], [undefined]])('for LISTEN_PID %j are not ours', (listenPid) => {
    expect(take({ LISTEN_FDS: '1', LISTEN_PID: listenPid }).socketNames).toEqual([])
  })

  it('without names are as many', () => {
    expect(take({ LISTEN_FDS: '2', LISTEN_PID: String(pid) }).socketNames).toEqual(['', ''])
  })

  it('with names for some keep their order', () => {
    expect(take({ LISTEN_FDS: '3', LISTEN_PID: String(pid), LISTEN_FDNAMES: 'a:b' }).socketNames).toEqual([
      'a',
      'b',
      '',
    ])
  })

  it('in a number that is none are complained of', () => {
    const { socketNames, complaints } = take({ LISTEN_FDS: '1000', LISTEN_PID: String(pid) })
    expect(socketNames).toEqual([])
    expect(complaints).toEqual([expect.stringContaining('LISTEN_FDS=1000')])
  })
})
