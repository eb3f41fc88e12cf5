/** The options before the object: `tc -s -j filter …`. */
import type { OutputOptions } from './commands.js';
import { incomplete } from './errors.js';
import { HelpRequest } from './help.js';
import { suggest } from './suggest.js';
import { abbreviates, refusal, WordReader } from './word-reader.js';

export type Tool = 'ip' | 'tc' | 'bridge';

export interface GlobalOptions {
  readonly output: OutputOptions;
  /** -netns was given: the line is about another namespace. */
  readonly netns: boolean;
  /** -Version was given, and all else is beside the point. */
  readonly version: boolean;
  /** -timestamp or -tshort, for monitor. */
  readonly timestamp?: 'long' | 'short';
  /** An option for a layout that vtep does not print. */
  readonly layout?: string;
}

/**
 * In the order in which each tool tries them; `=`: an argument follows. Those that vtep does
 * not follow itself are the host's, or change nothing that it prints.
 */
export const optionWords: Record<Tool, readonly string[]> = {
  ip: [
    ...['-loops=', '-family=', '-4', '-6', '-0', '-M', '-B', '-human-readable', '-iec', '-stats', '-statistics'],
    ...['-details', '-resolve', '-oneline', '-timestamp', '-tshort', '-Version', '-force', '-batch=', '-brief'],
    ...['-json', '-pretty', '-rcvbuf=', '-color', '-help', '-netns=', '-Numeric', '-all', '-echo'],
  ],
  tc: [
    ...['-stats', '-statistics', '-details', '-raw', '-pretty', '-graph', '-Version', '-iec', '-help', '-force'],
    ...['-batch=', '-netns=', '-Numeric', '-names', '-nm', '-cf=', '-conf=', '-color', '-timestamp', '-tshort'],
    ...['-json', '-oneline', '-brief', '-echo'],
  ],
  bridge: [
    ...['-help', '-Version', '-stats', '-statistics', '-details', '-oneline', '-timestamp', '-family=', '-4'],
    ...['-6', '-netns=', '-color', '-compressvlans', '-force', '-json', '-pretty', '-batch='],
  ],
};

/** What a tool says can be tried when it does not know an option. */
const helpWord: Record<Tool, string> = { ip: '-help', tc: '-help', bridge: 'help' };

function findOption(tool: Tool, word: string): string | undefined {
  // ip alone takes a second dash; -4, -6, -0, -M, -B and -echo have to be whole, the first five being so anyway.
  const option = tool === 'ip' && word.startsWith('--') ? word.slice(1) : word;
  return optionWords[tool].find((entry) => {
    const name = entry.replace(/=$/, '');
    return name === '-echo' ? option === name : abbreviates(option, name);
  });
}

type Writable<T> = { -readonly [Key in keyof T]: T[Key] };

/** Reads options until a word that is none. */
export function parseOptions(tool: Tool, reader: WordReader, help = `${tool} ${helpWord[tool]}`): GlobalOptions {
  const output: Writable<OutputOptions> = { statistics: false, details: false, json: false, pretty: false };
  let netns = false;
  let version = false;
  let layout: string | undefined;
  let timestamp: 'long' | 'short' | undefined;
  while (reader.word.startsWith('-')) {
    const found = reader.word === '-' ? undefined : findOption(tool, reader.word);
    if (found === undefined) {
      const hint = suggest(
        reader.word,
        optionWords[tool].map((entry) => entry.replace(/=$/, '')),
      );
      throw refusal(`Option "${reader.word}" is unknown, try "${help}".${hint}`, 255);
    }
    if (found === '-help') {
      throw new HelpRequest(tool);
    }
    // Without a file of commands, -force has nothing to go on with.
    if (found === '-batch=') {
      throw refusal(`vtep: "${reader.word}" comes before the commands, not within one`, 255);
    }
    if (found === '-stats' || found === '-statistics') {
      if (output.statistics && tool === 'ip') {
        output.errors = true;
      }
      output.statistics = true;
    }
    output.details ||= found === '-details';
    output.json ||= found === '-json';
    output.pretty ||= found === '-pretty';
    netns ||= found === '-netns=';
    version ||= found === '-Version';
    if (found === '-timestamp') {
      timestamp ??= 'long';
    }
    if (found === '-tshort') {
      timestamp = 'short';
    }
    if (found === '-oneline' || found === '-brief') {
      layout ??= reader.word;
    }
    reader.skip();
    if (found.endsWith('=')) {
      if (!reader.more) {
        throw incomplete();
      }
      reader.skip();
    }
  }
  return {
    output,
    netns,
    version,
    ...(timestamp !== undefined && { timestamp }),
    ...(layout !== undefined && { layout }),
  };
}

export interface BatchRequest {
  /** `-` is stdin. */
  readonly file: string;
  /** Whether to go on after a command that fails. */
  readonly force: boolean;
  /** The other options, which hold for every line: they go before its words. */
  readonly options: readonly string[];
}

/**
 * What `tc -batch FILE` asks for; undefined when the words are a command of their own. Lines of such a file do not
 * begin with the tool. What follows the options is ignored, as iproute2 does. Throws HelpRequest where -batch has no
 * file.
 */
export function batchRequest(tool: Tool, words: readonly string[]): BatchRequest | undefined {
  const reader = new WordReader(words);
  const options: string[] = [];
  let file: string | undefined;
  let force = false;
  for (; reader.word.startsWith('-') && reader.word !== '-'; reader.skip()) {
    const { word } = reader;
    const found = findOption(tool, word);
    if (found === '-batch=') {
      if (reader.left === 1) {
        throw new HelpRequest(tool);
      }
      file = reader.advance();
    } else if (found === '-force') {
      force = true;
    } else {
      options.push(word, ...(found?.endsWith('=') === true ? [reader.advance()] : []));
    }
  }
  return file === undefined ? undefined : { file, force, options };
}
