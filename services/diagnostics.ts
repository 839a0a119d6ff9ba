// What happens rarely and matters, on node:diagnostics_channel, for who does not want to hand callbacks around: loggers, tracers. Published by
// open-rings.ts, ringmaster.ts and ring-events.ts. Nothing is made, and nothing looked at, where nobody subscribes.
import { channel, type Channel } from 'node:diagnostics_channel'
import type { WorkerEvent } from '../workers/supervisor.ts'
import type { RingAdvice } from './advice.ts'

/** Which ring: `pool` is the option `name` of its Ringmaster, empty for none. */
export interface RingEvent {
  readonly pool: string
  readonly ring: number
}

/**
 * `open`: it was opened, at the start. `lost`: its kernel side is gone, and what was in flight fails. `renewed`: another was opened in the place of a lost
 * one. `moved`: another, with another poller, was opened in its place (option `adapt`). `closed`: by close().
 */
export interface RingStateEvent extends RingEvent {
  readonly state: 'open' | 'lost' | 'renewed' | 'moved' | 'closed'
  readonly poller: string
  /** Why this poller; of `lost` what happened. */
  readonly reason: string
}

/** As the option `onWorker` is told. */
export interface WorkerStateEvent extends RingEvent, WorkerEvent {}

/** As the option `onAdvice` is told. */
export interface AdviceEvent extends RingEvent, RingAdvice {}

/**
 * Requests were refused with ERR_RING_BACKLOG_FULL: so many since the last look, which is every second, and once more at close(). What was refused
 * since the last look is told to a listener who came after it, too.
 */
export interface BacklogFullEvent extends RingEvent {
  readonly rejections: number
}

/** The completion queue was found full, so often since the last look. No completion is lost. */
export interface CqOverflowEvent extends RingEvent {
  readonly overflows: number
}

/** The channels and what is published on them. */
export interface RingmasterChannels {
  'ringmaster:ring:state': RingStateEvent
  'ringmaster:worker:state': WorkerStateEvent
  'ringmaster:advice': AdviceEvent
  'ringmaster:backlog:full': BacklogFullEvent
  'ringmaster:cq:overflow': CqOverflowEvent
}

const channels: { readonly [Name in keyof RingmasterChannels]: Channel } = {
  'ringmaster:ring:state': channel('ringmaster:ring:state'),
  'ringmaster:worker:state': channel('ringmaster:worker:state'),
  'ringmaster:advice': channel('ringmaster:advice'),
  'ringmaster:backlog:full': channel('ringmaster:backlog:full'),
  'ringmaster:cq:overflow': channel('ringmaster:cq:overflow'),
}

/** `make` is called where somebody listens. A listener that throws is an uncaught exception of its own (node:diagnostics_channel). */
export function publish<Name extends keyof RingmasterChannels>(name: Name, make: () => RingmasterChannels[Name]): void {
  if (channels[name].hasSubscribers) channels[name].publish(make())
}
