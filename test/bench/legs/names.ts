// Names of legs as patterns. Used by legs/*, summary.ts and targets.ts; pure.

/** `*` stands for anything. A pattern without `@` is about legs at every value of a sweep. */
export function matches(name: string, pattern: string): boolean {
  const expression = pattern.split('*').map((part) => part.replaceAll(/[^\w-]/g, '\\$&'))
  const anywhere = pattern.includes('@') ? '' : '(@.*)?'
  return new RegExp(`^${expression.join('.*')}${anywhere}$`).test(name)
}

/** `caller@64`, or only `caller` where nothing is swept. */
export function nameAt(leg: string, value: number | null): string {
  return value === null ? leg : `${leg}@${value}`
}

export function withoutValue(name: string): string {
  return name.split('@')[0]!
}
