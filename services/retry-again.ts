// Repeats what the kernel asks to be repeated. Used by Ringmaster.openBeneath().

/** openat2(2) says EAGAIN when a rename or mount raced with resolving `..`: trying again is what it asks for. */
const againMax = 32

export async function retryAgain<T>(request: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await request()
    } catch (error) {
      if (attempt === againMax || !(error instanceof Error && 'code' in error && error.code === 'EAGAIN')) throw error
    }
  }
}
