/** `ip link set NAME …` of iproute2: up and down are vtep's to know, options of vxlan its own, the rest the host's. */
import type { Command } from './commands.js';
import { duplicateOrGarbage } from './errors.js';
import { HelpRequest } from './help.js';
import { findGenericWord } from './link-words.js';
import { parseVxlanChanges } from './parse-vxlan.js';
import { findKeyword, refusal, type WordReader } from './word-reader.js';

interface Reading {
  name?: string;
  up?: boolean;
  group?: string;
  /** Words before `type` that are neither the name nor up nor down. */
  foreign: boolean;
}

/** One word before `type`, and its argument. */
function parseWord(reader: WordReader, reading: Reading): void {
  const found = findGenericWord(reader.word);
  if (found?.name === 'help') {
    throw new HelpRequest('ip link');
  }
  if (found?.name === 'up' || found?.name === 'down') {
    reading.up = found.name === 'up';
  } else if (found !== undefined) {
    reading.foreign = true;
    const argument = found.takesArgument ? reader.advance() : '';
    if (found.name === 'group') {
      reading.group = argument;
    }
  } else {
    const dev = reader.is('dev') ? reader.advance() : reader.word;
    if (reading.name !== undefined) {
      throw duplicateOrGarbage('dev', dev);
    }
    reading.name = dev;
  }
  reader.skip();
}

/** Undefined: a group of devices, or no device at all, which is the host's to refuse. */
export function parseLinkSet(reader: WordReader, argv: readonly string[]): Command | undefined {
  const reading: Reading = { foreign: false };
  let typeAt: number | undefined;
  while (reader.more) {
    const found = findGenericWord(reader.word)?.name;
    if (found === 'type') {
      typeAt = reader.position;
      if (findKeyword(reader.advance(), ['vxlan', 'vxlan_slave']) !== 'vxlan') {
        typeAt = undefined;
      }
      break;
    }
    if (found === 'alias') {
      // An alias may be any words, to the end of the line.
      reading.foreign = true;
      break;
    }
    parseWord(reader, reading);
  }
  const { name, up, foreign, group } = reading;
  if (name === undefined) {
    if (typeAt === undefined || group !== undefined) {
      return undefined;
    }
    throw refusal('Not enough information: "dev" argument is required.', 255);
  }
  const upOrDown = up === undefined ? {} : { up };
  if (typeAt === undefined) {
    return { kind: 'link-set', name, ...upOrDown, argv };
  }
  reader.skip();
  const changes = parseVxlanChanges(reader);
  const rest = foreign || up !== undefined ? { rest: argv.slice(0, argv.length - (reader.words.length - typeAt)) } : {};
  return { kind: 'link-set-vxlan', name, changes, ...upOrDown, ...rest };
}
