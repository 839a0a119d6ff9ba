// What is in a ring and not over, for traces: a trace tells of completions, and what one often looks for is what has none. Used by tracing.ts.
import { performance } from 'node:perf_hooks'
import type { TraceInFlight } from '../metrics/trace-event.ts'
import { operationName } from '../native/operations/index.ts'
import type { RingHandle } from '../workers/ring-handle.ts'
import { SlotState, tagOpcode } from '../workers/slots.ts'

const epochMs = (ms: number): number => performance.timeOrigin + ms

/** Of the ring that `handle` uses, in the order of slots. */
export function inFlightOf({ ring, client }: Pick<RingHandle, 'ring' | 'client'>): TraceInFlight[] {
  const { slots, tracer } = client
  const found: TraceInFlight[] = []
  for (let slot = 0; slot < slots.size; slot++) {
    const state = slots.state[slot]!
    const opcode = slots.opcode[slot]!
    if (state === SlotState.free || opcode === tagOpcode) continue
    const traced = tracer !== null && tracer.generations[slot] === slots.generation[slot]
    // A multishot request has no time of its own left once it has completed.
    const publishedMs = state === SlotState.submitted ? slots.publishedMs[slot]! : -1
    const knownMs = traced ? tracer.publishedMs[slot]! : publishedMs
    found.push({
      ring,
      client: null,
      operation: operationName(opcode),
      id: traced ? tracer.ids[slot]! : null,
      slot,
      isSubmitted: state === SlotState.submitted,
      publishedMs: state === SlotState.submitted && knownMs >= 0 ? epochMs(knownMs) : null,
    })
  }
  return found
}
