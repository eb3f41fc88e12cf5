/** `ip tuntap add|del` (iptuntap.c of iproute2): TAPs are vtep's, tun devices the host's. */
import type { Command } from './commands.js';
import { isDeviceName } from './device-name.js';
import { duplicateOrGarbage, invalidArgument, notSupported, unknownCommand } from './errors.js';
import { HelpRequest } from './help.js';
import { findKeyword, refusal, type WordReader } from './word-reader.js';

/**
 * In iproute2's order. vnet_hdr is what vtep's TAPs have anyway, one_queue means nothing since Linux 3.8, and further
 * queues of a multi_queue device would be unused. pi would put four bytes before every frame; user and group say who
 * else may open the device, and vtep holds it itself.
 */
export const tuntapVerbs = ['add', 'delete', 'show', 'lst', 'list', 'help'] as const;
export const tuntapWords = [
  'mode',
  'user',
  'group',
  'pi',
  'one_queue',
  'vnet_hdr',
  'multi_queue',
  'dev',
  'name',
  'help',
] as const;

interface Reading {
  mode?: 'tun' | 'tap';
  name?: string;
  persist: boolean;
  unsupported?: string;
}

function parseMode(word: string, reading: Reading): void {
  const mode = findKeyword(word, ['tun', 'tap'] as const);
  if (mode === undefined) {
    throw refusal(`Unknown tunnel mode "${word}"`, 255);
  }
  if (reading.mode !== undefined && reading.mode !== mode) {
    throw refusal('You managed to ask for more than one tunnel mode.', 255);
  }
  reading.mode = mode;
}

function parseName(key: 'dev' | 'name', word: string, reading: Reading): void {
  if (key === 'name' && reading.name !== undefined) {
    throw duplicateOrGarbage('name', word);
  }
  if (!isDeviceName(word)) {
    throw invalidArgument(`"${key}" not a valid ifname`, word);
  }
  reading.name = word;
}

function parseWord(reader: WordReader, reading: Reading, isAdd: boolean): void {
  const { word } = reader;
  const name = findKeyword(word, tuntapWords);
  if (name === 'mode') {
    parseMode(reader.advance(), reading);
  } else if (isAdd && word === 'persist') {
    reading.persist = true;
  } else if (isAdd && (name === 'user' || name === 'group')) {
    reading.unsupported ??= `${name} ${reader.advance()}`;
  } else if (name === 'pi') {
    reading.unsupported ??= name;
  } else if (name === 'dev') {
    parseName('dev', reader.advance(), reading);
  } else if (name === 'name') {
    parseName('name', reader.advance(), reading);
  } else if (name === 'help') {
    throw new HelpRequest('ip tuntap');
  } else if (name === undefined || name === 'user' || name === 'group') {
    parseName('name', word, reading);
  }
  reader.skip();
}

/** Undefined: the line is the host's. */
export function parseTuntap(reader: WordReader): Command | undefined {
  const verb = reader.more ? findKeyword(reader.word, tuntapVerbs) : 'show';
  if (verb === undefined) {
    throw unknownCommand(reader.word, 'ip tuntap', tuntapVerbs);
  }
  if (verb === 'help') {
    throw new HelpRequest('ip tuntap');
  }
  if (verb !== 'add' && verb !== 'delete') {
    return undefined;
  }
  reader.skip();
  const reading: Reading = { persist: false };
  while (reader.more) {
    parseWord(reader, reading, verb === 'add');
  }
  const { mode, name, persist, unsupported } = reading;
  if (mode === undefined) {
    throw refusal('You failed to specify a tunnel mode');
  }
  if (mode === 'tun') {
    return undefined;
  }
  if (name === undefined) {
    throw refusal(`vtep: a TAP needs a name: ip tuntap ${verb} dev NAME mode tap`, 255);
  }
  if (verb === 'delete') {
    return { kind: 'link-del', name, tuntap: true };
  }
  if (unsupported !== undefined) {
    throw notSupported(`"${unsupported}" of a TAP`);
  }
  return { kind: 'link-add-tap', link: { name }, persist, tuntap: true };
}
