// File name → Content-Type. Used by plan.ts.
// `mime` knows extensions only, never content, and `.ts` is a video to it: sent with nosniff, a wrong guess stays harmless.
import mime from 'mime'

const unknownType = 'application/octet-stream'

/** Text is called UTF-8: what a file really is cannot be known from its name, and everything else is older. */
export function contentTypeOf(path: Buffer): string {
  // With its slash: `mime` would take the name of a file called `html` for an extension.
  const type = mime.getType(`/${path.toString('latin1')}`) ?? unknownType
  return type.startsWith('text/') ? `${type}; charset=utf-8` : type
}
