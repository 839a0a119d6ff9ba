// The models of operations by opcode. Used by the simulated kernel; one file per family beside this one.
import type { OperationModel } from '../model.ts'
import { controlModels } from './control.ts'
import { fileModels } from './files.ts'
import { streamModels } from './streams.ts'
import { timeoutModels } from './timeouts.ts'

export const operationModels: ReadonlyMap<number, OperationModel> = new Map([
  ...controlModels,
  ...fileModels,
  ...streamModels,
  ...timeoutModels,
])
