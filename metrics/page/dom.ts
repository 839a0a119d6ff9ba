// The few things that every part of the page does with elements. What comes from outside gets in as text and never as markup.

/** An element of index.html. @throws Error where there is none: the two files do not fit */
export function byId<E extends HTMLElement = HTMLElement>(id: string): E {
  const element = document.getElementById(id)
  if (element === null) throw new Error(`the page has no #${id}`)
  return element as E
}

/** A new element with text in it. */
export function make(name: string, text = '', source?: string): HTMLElement {
  const element = document.createElement(name)
  element.textContent = text
  if (source !== undefined) explain(element, source)
  return element
}

/**
 * Has an element tell where its number comes from, on hover and on focus: see tooltip.ts. Among others of its kind it is no stop of the
 * Tab key of its own: see groups.ts.
 */
export function explain(element: HTMLElement, source: string): void {
  if (element.dataset['source'] === source) return
  element.dataset['source'] = source
  if (!element.hasAttribute('tabindex')) element.tabIndex = 0
}

/** Changes text only where it is another: what a screen reader or a selection is at stays as it is. */
export function say(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text
}

/** One value of a table: its text, and where it comes from. */
export interface Value {
  readonly text: string
  readonly source?: string
  /** For tests and scripts: the exact number. */
  readonly exact?: number
}

/** Fills a table row by row, cell by cell, keeping the elements that are there. */
export function fillTable(table: HTMLElement, heads: readonly string[], rows: readonly (readonly Value[])[]): void {
  const list = table as HTMLTableElement
  const head = list.tHead ?? list.createTHead()
  if (head.rows.length === 0) {
    const row = head.insertRow()
    for (const text of heads) {
      const cell = make('th', text)
      cell.setAttribute('scope', 'col')
      row.append(cell)
    }
  }
  const body = list.tBodies[0] ?? list.createTBody()
  const focus = focusIn(body)
  while (body.rows.length > rows.length) body.deleteRow(-1)
  for (const [index, values] of rows.entries()) {
    const row = body.rows[index] ?? body.insertRow()
    while (row.cells.length < values.length) row.insertCell()
    for (const [column, value] of values.entries()) put(row.cells[column]!, value)
  }
  if (focus !== null) restore(focus, body, table)
}

interface Focus {
  readonly row: string
  readonly rowIndex: number
  readonly column: number
}

function focusIn(body: HTMLTableSectionElement): Focus | null {
  const cell = document.activeElement?.closest('td') ?? null
  const row = cell?.parentElement
  if (cell === null || !(row instanceof HTMLTableRowElement) || row.parentElement !== body) return null
  return { row: row.cells[0]!.textContent, rowIndex: row.sectionRowIndex, column: cell.cellIndex }
}

/** Focus goes with what its row is about; where that is gone, to the row that is there now, or else to the card. */
function restore({ row, rowIndex, column }: Focus, body: HTMLTableSectionElement, table: HTMLElement): void {
  const rows = [...body.rows]
  const found = rows.find((one) => one.cells[0]!.textContent === row) ?? rows[Math.min(rowIndex, rows.length - 1)]
  const target = found?.cells[column] ?? table.closest<HTMLElement>('section')
  if (!target || target === document.activeElement) return
  if (target.tabIndex < 0) target.tabIndex = -1
  target.focus({ preventScroll: true })
}

/** Fills a list of terms and values, keeping the elements that are there. */
export function fillPairs(
  list: HTMLElement,
  pairs: readonly (Value & { readonly label: string })[],
  wrap = false,
): void {
  const step = wrap ? 1 : 2
  while (list.children.length > pairs.length * step) list.lastElementChild!.remove()
  for (const [index, pair] of pairs.entries()) {
    let term = wrap ? list.children[index]?.children[0] : list.children[index * 2]
    let value = wrap ? list.children[index]?.children[1] : list.children[index * 2 + 1]
    if (term === undefined || value === undefined) {
      term = make('dt')
      value = make('dd')
      if (wrap) {
        const group = make('div')
        group.append(term, value)
        list.append(group)
      } else list.append(term, value)
    }
    say(term as HTMLElement, pair.label)
    put(value as HTMLElement, pair)
  }
}

function put(element: HTMLElement, { text, source, exact }: Value): void {
  say(element, text)
  if (source !== undefined) explain(element, source)
  if (exact !== undefined) element.dataset['exact'] = String(exact)
}

/** Buttons of which one is chosen. Arrow keys move between them. */
export function makeTabs(
  list: HTMLElement,
  onChoose: (value: string) => void,
): (tabs: readonly Tab[], chosen: string) => void {
  list.addEventListener('click', (event) => {
    const button = event.target instanceof Element ? event.target.closest('button') : null
    if (button?.dataset['value'] !== undefined) onChoose(button.dataset['value'])
  })
  list.addEventListener('keydown', (event) => {
    const step = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0
    const buttons = [...list.querySelectorAll('button')]
    const at = buttons.findIndex((button) => button === document.activeElement)
    if (step === 0 || at < 0) return
    event.stopPropagation()
    const next = buttons[(at + step + buttons.length) % buttons.length]!
    next.focus()
    next.click()
  })
  let shown = ''
  const reveal = (): void => {
    const button = list.querySelector('[aria-selected=true]')
    if (button === null) return
    const [outer, inner] = [list.getBoundingClientRect(), button.getBoundingClientRect()]
    // Not scrollIntoView(): that would move the page, too.
    if (inner.left < outer.left) list.scrollLeft -= outer.left - inner.left
    else if (inner.right > outer.right) list.scrollLeft += inner.right - outer.right
  }
  new ResizeObserver(reveal).observe(list)
  return (tabs, chosen) => {
    while (list.children.length > tabs.length) list.lastElementChild!.remove()
    for (const [index, { value, label, busy }] of tabs.entries()) {
      let button = list.children[index] as HTMLButtonElement | undefined
      if (button === undefined) {
        button = make('button') as HTMLButtonElement
        button.type = 'button'
        button.setAttribute('role', 'tab')
        button.append(make('span'), make('span'))
        list.append(button)
      }
      const [light, name] = button.children as HTMLCollectionOf<HTMLElement>
      button.dataset['value'] = value
      say(name!, label)
      light!.className = busy === undefined ? '' : 'load'
      light!.dataset['busy'] = busy ?? ''
      button.setAttribute('aria-selected', String(value === chosen))
      button.tabIndex = value === chosen ? 0 : -1
    }
    // Once, and not against who scrolls.
    if (shown !== chosen) reveal()
    shown = chosen
  }
}

export interface Tab {
  readonly value: string
  readonly label: string
  /** A light beside the label. */
  readonly busy?: 'yes' | 'no' | 'ill'
}

/** A line that says what is not there, or a detail. */
export function quietLine(text: string): HTMLElement {
  const element = make('p', text)
  element.className = 'quiet-line'
  return element
}
