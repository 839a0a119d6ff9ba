// `ringmaster completion`: prints what makes Tab work in a shell; and `complete-words`, which that asks at every Tab. Added to the program by program.ts.
//
// Scripts and what they are answered are @optique/core's; what there is to answer is read off the commands themselves (completion-words.ts).
import type { ShellCompletion } from '@optique/core/completion'
import { Argument, Command } from 'commander'
import { candidates } from './completion-words.ts'
import type { Candidate } from './completion-words.ts'

const shells = ['bash', 'zsh', 'fish'] as const
type Shell = (typeof shells)[number]

const details = `
Where to put it:
  bash  with the package bash-completion, which loads it at the first Tab:
          $ mkdir -p ~/.local/share/bash-completion/completions
          $ ringmaster completion bash \\
              > ~/.local/share/bash-completion/completions/ringmaster
        without it, in ~/.bashrc:
          eval "$(ringmaster completion bash)"
  zsh   in a folder of $fpath:
          $ mkdir -p ~/.zfunc
          $ ringmaster completion zsh > ~/.zfunc/_ringmaster
        and in ~/.zshrc, before compinit, which must be called once:
          fpath+=(~/.zfunc)
          autoload -Uz compinit && compinit
  fish    $ mkdir -p ~/.config/fish/completions
          $ ringmaster completion fish \\
              > ~/.config/fish/completions/ringmaster.fish

A new shell has it. To try it in this one:
  bash    $ source <(ringmaster completion bash)
  zsh     $ source <(ringmaster completion zsh)
  fish    $ ringmaster completion fish | source

The script asks the ringmaster that is on the PATH at each Tab: after an update
it need not be written anew. It completes \`ringmaster\`, not \`npx ringmaster\`;
where it is installed in a project only, put node_modules/.bin on the PATH.

Exit codes:
  0    printed
  1    failed: stdout cannot be written to
  2    wrong usage: no shell, or one that is not known`

export function completionCommand(): Command {
  return new Command('completion')
    .summary('print what makes Tab complete commands, options and values')
    .description('Prints a script for a shell, which then completes commands, options, their values, and paths.')
    .addArgument(new Argument('<shell>', 'the shell it is for').choices(shells))
    .addHelpText('after', details)
    .action(async (shell: Shell) => {
      const { [shell]: dialect } = await import('@optique/core/completion')
      process.stdout.write(`${dialect.generateScript('ringmaster', ['complete-words', shell, '--']).trim()}\n`)
    })
}

/** What the scripts call: `ringmaster complete-words SHELL -- WORDS`. Hidden: nobody else needs it. */
export function completeWordsCommand(): Command {
  return (
    new Command('complete-words')
      .description('Prints what may come next, as the script of `ringmaster completion` reads it.')
      .addArgument(new Argument('<shell>').choices(shells))
      .argument('[words...]')
      // Words are data here: --help among them is no wish for help.
      .helpOption(false)
      .allowUnknownOption()
      .action(async (shell: Shell, _words: string[], _options: object, command: Command) => {
        const { [shell]: dialect } = await import('@optique/core/completion')
        // Not as commander gives them: it takes a second -- away.
        const words = process.argv.slice(process.argv.indexOf('--') + 1)
        const found = candidates(command.parent ?? command, words)
        const chunks = [...dialect.encodeSuggestions(found.map(suggestionOf(words.at(-1) ?? '')))]
        // A line each, as the library's own runner prints them: its script for zsh reads lines.
        process.stdout.write(chunks.map((chunk) => `${chunk}\n`).join(''))
      })
  )
}

type Suggestion = Parameters<ShellCompletion['encodeSuggestions']>[0][number]

const suggestionOf =
  (current: string) =>
  (found: Candidate): Suggestion => {
    if (found.kind === 'word')
      return { kind: 'literal', text: found.text, description: [{ type: 'text', text: found.description }] }
    const { type, prefix } = found
    // With the option before it (--html=re), the shell is told how much of the word is no path.
    return prefix === '' ? { kind: 'file', type } : { kind: 'file', type, prefix, pattern: current }
  }
