// Says where a number comes from, for every element with data-source: on hover and on focus. One tooltip for the whole page.

import { byId } from './dom.ts'

/** `wordsAt`: canvases, and what is under a point of theirs. */
export function startTooltips(wordsAt: ReadonlyMap<HTMLElement, (x: number, y: number) => string | null>): void {
  const tooltip = byId('tooltip')
  let owner: Element | null = null

  const hide = (): void => {
    owner?.removeAttribute('aria-describedby')
    owner = null
    tooltip.hidden = true
  }
  const show = (text: string, left: number, top: number, bottom: number): void => {
    tooltip.textContent = text
    tooltip.hidden = false
    const { offsetWidth, offsetHeight } = tooltip
    const x = Math.max(8, Math.min(innerWidth - offsetWidth - 8, left))
    const below = bottom + 6 + offsetHeight < innerHeight
    tooltip.style.transform = `translate(${x}px, ${below ? bottom + 6 : Math.max(4, top - offsetHeight)}px)`
  }
  const showFor = (target: EventTarget | null): void => {
    // It can be pointed at itself, to read or copy it (WCAG 1.4.13).
    if (target === tooltip) return
    const element = target instanceof Element ? target.closest<HTMLElement>('[data-source]') : null
    if (element === null) {
      hide()
      return
    }
    if (owner !== element) hide()
    owner = element
    element.setAttribute('aria-describedby', 'tooltip')
    const { left, top, bottom } = element.getBoundingClientRect()
    tooltip.style.pointerEvents = 'auto'
    show(element.dataset['source'] ?? '', left, top, bottom - 6)
  }

  document.addEventListener('pointerover', (event) => showFor(event.target))
  document.addEventListener('focusin', (event) => showFor(event.target))
  document.addEventListener('focusout', hide)
  // Focus scrolls what it reaches into view: what is told of that goes with it.
  const follow = (): void => (owner !== null && owner === document.activeElement ? showFor(owner) : hide())
  document.addEventListener('scroll', follow, { capture: true, passive: true })
  document.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') hide()
  })
  for (const [canvas, words] of wordsAt) {
    canvas.addEventListener('pointermove', (event) => {
      const text = words(event.offsetX, event.offsetY)
      if (text === null) hide()
      else {
        tooltip.style.pointerEvents = 'none'
        show(text, event.clientX + 12, event.clientY, event.clientY + 8)
      }
    })
    canvas.addEventListener('pointerleave', hide)
  }
}
