/** `vtep help WORDS`: of a command, or of a place of iproute2's grammar. */
import type { Command } from 'commander';
import type { Tool } from '../control/protocol.js';
import { CommandError } from '../iproute/commands.js';
import { type HelpTopic, helpText, helpTopics } from '../iproute/help.js';
import { suggest } from '../iproute/suggest.js';
import { folded } from './help-layout.js';
import { TOOLS } from './help-word.js';

/** Throws CommandError, which names the word of which there is no help. */
export async function showHelp(vtep: Command, words: readonly string[]): Promise<void> {
  const [first, ...rest] = words;
  const command = vtep.commands.find((each) => each.name() === first);
  if (first === undefined || first === 'help') {
    vtep.outputHelp();
  } else if (command && TOOLS.includes(first)) {
    if (rest.length === 0) process.stdout.write(`${command.description()}\n\n`);
    printGrammar(await grammarAt(first as Tool, rest));
  } else if (command && rest[0] !== undefined) {
    throw new CommandError(`vtep: help: "${rest[0]}" is too much\n(vtep help ${first} is all that there is)`, 1);
  } else if (command) {
    command.outputHelp();
  } else {
    const text = topicNamed(words.join(' '));
    if (text === undefined) {
      const known = vtep.commands.map((each) => each.name());
      throw new CommandError(
        `vtep: help: unknown command "${first}"${suggest(first, known)}\n(vtep help lists the commands)`,
        1,
      );
    }
    printGrammar(text);
  }
}

/** On a terminal as wide as that. */
function printGrammar(text: string): void {
  process.stdout.write(`${folded(text, process.stdout)}\n`);
}

/** `tc filter`, or what only one topic ends with: `flower`, `tunnel_key`, `fdb`. */
function topicNamed(words: string): string | undefined {
  const exact = helpTopics.find((topic) => topic === words);
  const ending = helpTopics.filter((topic) => topic.endsWith(` ${words}`));
  const [only, ...others] = ending;
  const found: HelpTopic | undefined = exact ?? (others.length === 0 ? only : undefined);
  return found === undefined ? undefined : helpText(found);
}

/** The help that the line would have with `help` at its end; of words that lead nowhere, a refusal. */
async function grammarAt(tool: Tool, rest: readonly string[]): Promise<string> {
  const topic = topicNamed([tool, ...rest].join(' '));
  if (topic !== undefined) return topic;
  const { parseLine } = await import('../iproute/parse.js');
  const command = parseLine(tool, [...rest, 'help']);
  if (command.kind === 'help') return command.text;
  throw new CommandError(`vtep: help: "${rest.join(' ')}" is the system's ${tool}'s: ${tool} ${rest[0]} help`, 1);
}
