/** How vtep's own words are refused: the message of the parser of options, in the style of every other message of vtep. */
import type { Command } from 'commander';
import { CommandError } from '../iproute/commands.js';
import { suggest } from '../iproute/suggest.js';

/** What an exit code of 1 means to these is an answer; that nothing was looked at is 2. */
const ANSWERS_WITH_1: ReadonlySet<string> = new Set(['doctor', 'lint', 'test']);

/** The exit code of a command that was told what it does not understand. */
function usageExit(name: string): number {
  return ANSWERS_WITH_1.has(name) ? 2 : 1;
}

/** Has `command`, and all commands below it, refuse as vtep does. What they refuse leaves parseAsync as a CommandError. */
export function refuseInOneStyle(command: Command): void {
  const path = command.parent === null ? '' : `${command.name()}: `;
  command
    .configureOutput({
      outputError: (text, write) => write(`vtep: ${path}${reword(text, command)}\n`),
    })
    .showHelpAfterError(
      `(vtep help${command.parent === null ? ' lists the commands' : ` ${command.name()} says more`})`,
    )
    // Nothing ends the process here: what was printed may not be written yet, or not at all.
    .exitOverride(({ exitCode }) => {
      throw new CommandError('', exitCode === 0 ? 0 : usageExit(command.name()));
    });
  for (const each of command.commands) refuseInOneStyle(each);
}

/** The message without its prefix, with the word that is wrong in double quotes, as iproute2 has it. */
function reword(text: string, command: Command): string {
  const message = text.trimEnd().replace(/^error: /, '');
  const rules: readonly (readonly [RegExp, (...parts: string[]) => string])[] = [
    [/^unknown option '(.+?)'/, (word) => `unknown option "${word}"${suggest(word, longOptions(command))}`],
    [/^option '(.+?)' argument missing$/, (flags) => `${nameOf(flags)} needs a value: ${flags}`],
    [
      /^option '(.+?)' argument '(.*)' is invalid\. (.*?)\.?$/s,
      (flags, word, why) => `${nameOf(flags)} "${word}" is wrong: ${why}`,
    ],
    [/^option '(.+?)' cannot be used with option '(.+?)'$/, (a, b) => `${nameOf(a)} does not go with ${nameOf(b)}`],
    [/^required option '(.+?)' not specified$/, (flags) => `${flags} is missing`],
    [/^missing required argument '(.+?)'$/, (name) => `<${name}> is missing`],
    [/^too many arguments/, () => `"${command.args[command.registeredArguments.length] ?? ''}" is too much`],
  ];
  for (const [pattern, words] of rules) {
    const found = pattern.exec(message);
    if (found) return words(...found.slice(1));
  }
  return message;
}

/** `--batch` of `-b, --batch <file>`. */
function nameOf(flags: string): string {
  return /--[\w-]+/.exec(flags)?.[0] ?? flags;
}

function longOptions({ options }: Command): string[] {
  return options.flatMap(({ long }) => long ?? []);
}
