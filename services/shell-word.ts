// A word of a command line that is printed for people to copy: paths hold blanks and quotes. Used by profile/again.ts and by services/doctor/.

/** As it is where a shell leaves it alone, otherwise in quotes. */
export const shellWord = (word: string): string =>
  /^[\w./:@%+=,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
