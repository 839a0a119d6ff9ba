// Keys of the live page: what is pressed runs what main.ts has listed, unless a control has a use for it.

export interface PageKey {
  /** As KeyboardEvent.key has it. */
  readonly key: string
  /** As the list of keys has it. */
  readonly name: string
  readonly does: string
  run(): void
}

/** `isBusy`: a dialog has the keys. */
export function listenToKeys(keys: readonly PageKey[], isBusy: () => boolean): void {
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || isBusy()) return
    const { target } = event
    // Controls have keys of their own.
    const inField = target instanceof HTMLSelectElement || target instanceof HTMLInputElement
    const isScrub = target instanceof HTMLInputElement && target.type === 'range'
    if (inField && event.key !== 'Escape' && !(isScrub && !/^(Arrow|Home|End|Page)/.test(event.key))) return
    if (event.key === ' ' && target instanceof HTMLButtonElement) return
    const found = keys.find(({ key }) => key === event.key || key === event.key.toLowerCase())
    if (found === undefined) return
    event.preventDefault()
    found.run()
  })
}
