// What proves an operation. Rows are in the files beside this one, by family; ../operations.ts runs them.
import type { Bench } from '../bench.ts'

/** Carries the operation out and looks at its effect by other means. @throws Error that says what is wrong */
export type Proof = (bench: Bench) => Promise<void>

/** By the operations' names. */
export type Proofs = Readonly<Record<string, Proof>>
