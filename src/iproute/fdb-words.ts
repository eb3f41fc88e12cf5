/** Words and arguments that the commands of `bridge fdb` share. */
import { parseIp, parseMac } from './address.js';
import { CommandError } from './commands.js';
import { duplicateOrGarbage, invalidArgument } from './errors.js';
import { HelpRequest } from './help.js';
import { parseUnsigned } from './numbers.js';
import { suggest } from './suggest.js';
import { abbreviates, refusal, type WordReader } from './word-reader.js';

const MAX_VNI = 0xffffff;

/** get_addr() of iproute2, and what bridge says to the words for no address in particular. */
export function parseDestination(reader: WordReader, seen: boolean): Uint8Array {
  const word = reader.advance();
  if (seen) {
    throw duplicateOrGarbage('dst', word);
  }
  if (word === 'any' || word === 'default' || word === 'all') {
    throw refusal('Error: Unsupported address family.', 255);
  }
  const address = parseIp(word);
  if (address === undefined) {
    throw refusal(`Error: any valid address is expected rather than "${word}".`);
  }
  return address;
}

/** Of /etc/services, those that belong here. */
const services = new Map<string, number>([
  ['vxlan', 4789],
  ['vxlan-gpe', 4790],
]);

export function parsePort(reader: WordReader): number {
  return reader.argument(
    (word) => services.get(word) ?? parseUnsigned(word, 0, 0xffff),
    (word) => invalidArgument('invalid port\n', word),
  );
}

export function parseVni(reader: WordReader, reason: string): number {
  return reader.argument(
    (word) => parseUnsigned(word, 0, MAX_VNI),
    (word) => invalidArgument(`${reason}\n`, word),
  );
}

/** What no other word is stands for the address, with `to` before it or not. */
export function parseMacWord(reader: WordReader, reading: { mac?: string }, known: readonly string[]): void {
  const word = reader.is('to') ? reader.advance() : reader.word;
  if (abbreviates(word, 'help')) {
    throw new HelpRequest('bridge fdb');
  }
  if (reading.mac !== undefined) {
    const problem = duplicateOrGarbage('to', word);
    throw new CommandError(problem.message + suggest(word, known), problem.exitCode);
  }
  reading.mac = word;
}

export function macOf(text: string): Uint8Array {
  const mac = parseMac(text);
  if (mac === undefined) {
    throw refusal(`Invalid mac address ${text}`, 255);
  }
  return mac;
}
