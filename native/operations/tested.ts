// Which operations tests prove on a real kernel, by family: test/services/raw/operations-<family>.test.ts. Nobody's word
// is taken for it: each of those files fails unless exactly these operations completed in tests of its that passed.
export const testedOperations: Readonly<Record<string, readonly string[]>> = {}
