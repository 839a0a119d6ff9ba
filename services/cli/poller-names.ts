// Pollers as options name them. Used by serve.ts and doctor.ts.

export const pollers = ['auto', 'kernel', 'worker', 'caller', 'threadpool'] as const
