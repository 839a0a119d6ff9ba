// One press of Esc does one thing. Tooltip and tour close themselves; whoever else has a use for the key asks here first. Called by main.ts.

/** Returns whether one of `closable` was open when the key that is being handled was pressed: then the press is for it. */
export function watchEscape(closable: readonly HTMLElement[]): () => boolean {
  let wasOpen = false
  // Before those who close something listen.
  document.addEventListener(
    'keydown',
    () => {
      wasOpen = closable.some(({ hidden }) => !hidden)
    },
    { capture: true },
  )
  return () => wasOpen
}
