// What options of serve may be, apart from the daemon, which nobody loads to ask for help. Used by serve.ts, doctor.ts and file-daemon.ts.

export const pollers = ['auto', 'kernel', 'worker', 'caller', 'threadpool'] as const

/** Whether the admin address tells which files are asked for, and by whom. */
export const trafficStates = ['on', 'off'] as const
