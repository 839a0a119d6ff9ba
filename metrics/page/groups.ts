// Numbers by keyboard: a list or table of numbers (data-group) is one stop of the Tab key, and arrow keys, Home and End move in it, as
// the authoring practices of ARIA ask of composite widgets (w3.org/WAI/ARIA/apg/practices/keyboard-interface). Started by main.ts.

const stops = (group: Element): HTMLElement[] => [...group.querySelectorAll<HTMLElement>('[data-source]')]

/** Not where only a text is another, which is so with every frame. */
const isOfStops = ({ type, addedNodes, removedNodes }: MutationRecord): boolean =>
  type === 'attributes' || [...addedNodes, ...removedNodes].some((node) => node instanceof Element)

/** Exactly one element of each group is a stop: the one that was last in focus, or else the first. */
function settle(group: Element): void {
  const all = stops(group)
  const chosen =
    all.find((one) => one === document.activeElement) ?? all.find(({ tabIndex }) => tabIndex === 0) ?? all[0]
  for (const one of all) {
    const tabIndex = one === chosen ? 0 : -1
    if (one.tabIndex !== tabIndex) one.tabIndex = tabIndex
  }
}

/** Whose number is next in a direction: in a table also above and below. */
function neighbour(all: readonly HTMLElement[], at: number, key: string): HTMLElement | undefined {
  if (key === 'Home') return all[0]
  if (key === 'End') return all.at(-1)
  const step = key === 'ArrowRight' || key === 'ArrowDown' ? 1 : -1
  const cell = all[at]
  if (cell instanceof HTMLTableCellElement && (key === 'ArrowUp' || key === 'ArrowDown')) {
    const isOver = (one: HTMLElement): boolean =>
      one instanceof HTMLTableCellElement && one.cellIndex === cell.cellIndex
    return (step > 0 ? all.slice(at + 1) : all.slice(0, at).reverse()).find(isOver)
  }
  return all[at + step]
}

export function startGroups(): void {
  for (const group of document.querySelectorAll('[data-group]')) {
    settle(group)
    new MutationObserver((changes) => changes.some(isOfStops) && settle(group)).observe(group, {
      ...{ subtree: true, childList: true },
      attributeFilter: ['data-source'],
    })
    group.addEventListener('focusin', () => settle(group))
    group.addEventListener('keydown', (event) => {
      if (!(event instanceof KeyboardEvent) || !/^(Arrow(Up|Down|Left|Right)|Home|End)$/.test(event.key)) return
      if (event.ctrlKey || event.metaKey || event.altKey) return
      const all = stops(group)
      const at = all.findIndex((one) => one === event.target)
      if (at < 0) return
      // They are no keys of the page here, nor do they scroll it.
      event.preventDefault()
      event.stopPropagation()
      neighbour(all, at, event.key)?.focus()
    })
  }
}
