// Who consumes a ring's SQ. Named once, used by the worker that sets the ring up, the client that wakes it, and placement.

/**
 * `kernel`: the SQPOLL thread. `worker`: the ring worker's thread. `caller`: the client itself, one system call a batch.
 * `threadpool`: the ring worker, with ordinary system calls and without io_uring.
 */
export const Poller = { kernel: 'kernel', worker: 'worker', caller: 'caller', threadpool: 'threadpool' } as const
export type Poller = (typeof Poller)[keyof typeof Poller]

/** Whether a poller is a thread that looks for work, and so takes a CPU while it does. */
export const polls = (poller: Poller): boolean => poller === Poller.kernel || poller === Poller.worker
