// "What am I looking at?": five steps for who has never seen a ring.

import { byId, say } from './dom.ts'

const steps: readonly { readonly spot: string; readonly title: string; readonly text: string }[] = [
  {
    spot: 'stage-card',
    title: 'Two queues in shared memory',
    text: 'On the left the submission queue, on the right the completion queue. They lie in memory that your program and the Linux kernel both see. Your program writes a request into the next slot and moves the tail; the kernel takes it and moves the head. Whether that takes a system call is for the poller to say.',
  },
  {
    spot: 'stage-card',
    title: 'Who carries requests over',
    text: 'The lamp between the queues is the poller. With SQPOLL it is a thread of the kernel that looks for new entries: awake it takes them without a system call, asleep it must be woken with one, and you see a spark. With poller caller your own thread makes a call for each batch; with poller worker it does so for little batches, and a thread beside it for the others. With poller threadpool there is no io_uring: threads make an ordinary call for each entry.',
  },
  {
    spot: 'stage-card',
    title: 'In the kernel',
    text: 'Each tile in the middle is a request that the kernel works on (with poller threadpool, a thread): colour and letter say what it is, the bar below how long it takes. Entries that are joined on the inner side of the circle form a chain, one after the other. A tile with a frame is multishot: asked once, it keeps giving completions.',
  },
  {
    spot: 'heat-title',
    title: 'How long it takes',
    text: 'Each column is a moment, each row a range of latencies, and the darker a field the more requests. The lines are the median (solid) and the 99th percentile (dashed). Below, the time is split: waiting in your program, in the kernel, and until your program was told.',
  },
  {
    spot: 'verdict',
    title: 'Is it worth it?',
    text: 'A thread that polls costs CPU time and saves system calls. The sentence at the top weighs the two for the load that there is right now. Hover over any number, or focus it, to see where it comes from. Then try slow motion.',
  },
]

export function startTour(): () => void {
  const tour = byId('tour')
  const next = byId<HTMLButtonElement>('tour-next')
  const back = byId<HTMLButtonElement>('tour-back')
  let step = -1
  let before: Element | null = null

  const spotOf = (index: number): Element | null => byId(steps[index]!.spot).closest('.card')
  const show = (index: number): void => {
    if (step >= 0) spotOf(step)?.classList.remove('spot')
    step = index
    const { title, text } = steps[index]!
    tour.hidden = false
    say(byId('tour-step'), `${index + 1} of ${steps.length}`)
    say(byId('tour-title'), title)
    say(byId('tour-text'), text)
    say(next, index === steps.length - 1 ? 'Done' : 'Next')
    back.disabled = index === 0
    const spot = spotOf(index)
    spot?.classList.add('spot')
    spot?.scrollIntoView({ block: 'nearest' })
  }
  const close = (): void => {
    if (step < 0) return
    spotOf(step)?.classList.remove('spot')
    step = -1
    tour.hidden = true
    if (before instanceof HTMLElement) before.focus()
  }
  next.addEventListener('click', () => (step === steps.length - 1 ? close() : show(step + 1)))
  back.addEventListener('click', () => show(Math.max(0, step - 1)))
  byId('tour-close').addEventListener('click', close)
  tour.addEventListener('keydown', (event) => {
    if (event.key !== 'Tab') return
    const buttons = [...tour.querySelectorAll('button')].filter(({ disabled }) => !disabled)
    const at = buttons.findIndex((button) => button === document.activeElement)
    buttons[(at + (event.shiftKey ? -1 : 1) + buttons.length) % buttons.length]!.focus()
    event.preventDefault()
  })
  document.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') close()
  })
  return () => {
    before = document.activeElement
    show(0)
    next.focus()
  }
}
