// What the page says above everything else: what is wrong, as long as it is, and news, which go by themselves. Used by main.ts.

import { byId, say } from './dom.ts'

/** Long enough to be read by who looks up now and then; a screen on a wall must not stay coloured for good. */
const newsMs = 60_000

export class Notices {
  private present = ''
  private kept = ''
  private timer: ReturnType<typeof setTimeout> | undefined

  constructor() {
    byId('news-close').addEventListener('click', () => this.news(''))
  }

  /** What is wrong now; an empty text: nothing is. */
  trouble(text: string): void {
    this.present = text
    this.show()
  }

  /** What stays wrong until the page is reloaded. */
  lasting(text: string): void {
    this.kept = text
    this.show()
  }

  /** What has happened and is over. Goes after a minute, or when it is closed; an empty text: at once. */
  news(text: string): void {
    clearTimeout(this.timer)
    // Shown before it is filled: a status that appears with its text in it is not read out.
    byId('news').hidden = text === ''
    say(byId('news-text'), text)
    if (text !== '') this.timer = setTimeout(() => this.news(''), newsMs)
  }

  private show(): void {
    const text = this.present === '' ? this.kept : this.present
    const notice = byId('notice')
    notice.hidden = text === ''
    say(notice, text)
  }
}
