/** `vtep help WORDS`: of a command, or of a place of iproute2's grammar. */
import type { Command } from 'commander';
import type { Tool } from '../control/protocol.js';
import { CommandError } from '../iproute/commands.js';
import { type HelpTopic, helpText, helpTopics } from '../iproute/help.js';
import { parseLine } from '../iproute/parse.js';
import { suggest } from '../iproute/suggest.js';
import { folded } from './help-layout.js';

const TOOLS: readonly string[] = ['ip', 'tc', 'bridge'] satisfies Tool[];

/** Throws CommandError, which names the word of which there is no help. */
export function showHelp(vtep: Command, words: readonly string[]): void {
  const [first, ...rest] = words;
  const command = vtep.commands.find((each) => each.name() === first);
  if (first === undefined || first === 'help') {
    vtep.outputHelp();
  } else if (command && TOOLS.includes(first)) {
    if (rest.length === 0) process.stdout.write(`${command.description()}\n\n`);
    printGrammar(grammarAt(first as Tool, rest));
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

/**
 * `vtep drops help`, as iproute2 has it, is `vtep help drops`. A file of that name is `./help`. What follows ip, tc, bridge
 * and monitor is theirs.
 */
export function withHelp(vtep: Command, argv: readonly string[]): readonly string[] {
  const [verb = '', word, ...more] = argv;
  const isOwn = vtep.commands.some((each) => each.name() === verb) && !TOOLS.includes(verb) && verb !== 'monitor';
  return isOwn && word === 'help' && more.length === 0 ? ['help', verb] : argv;
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
function grammarAt(tool: Tool, rest: readonly string[]): string {
  const topic = topicNamed([tool, ...rest].join(' '));
  if (topic !== undefined) return topic;
  const command = parseLine(tool, [...rest, 'help']);
  if (command.kind === 'help') return command.text;
  throw new CommandError(`vtep: help: "${rest.join(' ')}" is the system's ${tool}'s: ${tool} ${rest[0]} help`, 1);
}
