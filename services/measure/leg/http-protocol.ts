// What a leg's server and the process that asks it (http-load.ts) say to each other. Plain data, over Node's channel between processes.
import type { StationResult, StationWindow } from './station.ts'

export interface LoadStart {
  readonly kind: 'start'
  /** Of 127.0.0.1. */
  readonly port: number
  readonly files: readonly AskedFile[]
}

export interface AskedFile {
  /** As it is asked for: "/b/SECRET/folder/name%20with%20blanks". */
  readonly target: string
  readonly path: string
}

export interface LoadWindow extends StationWindow {
  readonly kind: 'window'
}

export type LoadOrder = LoadStart | LoadWindow

export type LoadAnswer =
  | { readonly kind: 'ready' }
  | { readonly kind: 'done'; readonly result: StationResult; readonly cpuNs: number }
  | { readonly kind: 'failed'; readonly reason: string }
