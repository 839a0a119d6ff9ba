// Messages from a ring to a mailbox of its own: what was sent is read, once, by whom it was sent to, and nothing else is.
import { op } from '../../../services/raw/index.ts'
import type { Mailbox } from '../../../services/raw/index.ts'
import { checkAgainstLedger, excused, kernelResult, outcomeOf, perhapsAbort, require, withSignal } from './play.ts'
import type { Act, Play } from './play.ts'

/** Opens a mailbox; null where the ring is ending. */
function open({ raw }: Play): Mailbox | { readonly error: unknown } {
  try {
    return raw.messages()
  } catch (error) {
    return { error }
  }
}

const messages: Act = async (play) => {
  const { random, raw } = play
  const mailbox = open(play)
  if ('error' in mailbox) {
    require(excused(play, mailbox.error), 'a mailbox could not be opened', mailbox.error)
    return
  }
  const tag = play.count() // nobody else's: a message in the wrong mailbox shows
  const expected = new Set<number>()
  const early = random.chance(0.5) ? outcomeOf(mailbox.next()) : null
  const sends = Array.from({ length: 1 + random.below(5) }, async (_, data) => {
    const operation = op.msgRing({ ringFd: mailbox.ringFd, userData: mailbox.address + tag * 4294967296, result: data })
    const signal = perhapsAbort(play, 6)
    if (random.chance(0.3)) await play.pause()
    const outcome = await outcomeOf(raw.submit(operation, withSignal(signal)))
    checkAgainstLedger(play, operation.ticket, outcome, signal)
    if (kernelResult(play, operation.ticket) === 0) expected.add(data)
  })
  await Promise.all(sends)
  // A message comes before its sender's own completion: all are there, and only a ring that ends has lost some.
  const sent = expected.size
  for (let read = 0; read < sent; read++) {
    const outcome = read === 0 && early !== null ? await early : await outcomeOf(mailbox.next())
    if ('error' in outcome || outcome.value.done === true) {
      require(play.ending(), 'a mailbox ended with messages in it', 'error' in outcome ? outcome.error : undefined)
      play.lostMessages(expected.size)
      return
    }
    const { value } = outcome.value
    require(value.tag === tag && expected.delete(value.data), 'a message came that nobody sent, or twice', value)
  }
  await mailbox.return()
  if (sent === 0 && early !== null) await early
}

export const messageActs: readonly Act[] = [messages]
