// Which metrics an expression of PromQL asks for. Used by live.test.ts to find names that nobody exports.

/** Words of the language that are no names of metrics. */
const keywords = new Set(['and', 'or', 'unless', 'offset', 'bool', 'by', 'without', 'on', 'ignoring', 'inf', 'nan'])

/** The names of metrics and of recorded series in `expr`, each once. */
export function metricNames(expr: string): string[] {
  const bare = expr
    .replaceAll(/"[^"]*"/g, '')
    .replaceAll(/\{[^}]*\}/g, ' ')
    .replaceAll(/\[[^\]]*\]/g, ' ')
    .replaceAll(/\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)/g, ' ')
  const names = [...bare.matchAll(/(?<![\w:.])([a-zA-Z_:][\w:]*)\b(?!\s*\()/g)].map((match) => match[1]!)
  return [...new Set(names)].filter((name) => !keywords.has(name) && !/^\d/.test(name))
}

/** The family of a series: `_bucket`, `_sum` and `_count` belong to a histogram. */
export const familyOf = (name: string): string => name.replace(/_(bucket|sum|count)$/, '')
