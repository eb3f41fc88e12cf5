/** `ip link show` (ipaddr_list_or_flush of iproute2's ipaddress.c, for links). */
import type { Command, LinkSelector, OutputOptions } from './commands.js';
import { duplicateOrGarbage } from './errors.js';
import { HelpRequest } from './help.js';
import { findKeyword, type WordReader } from './word-reader.js';

/** Words about what only the host's interfaces have, or that vtep leaves to the host: their argument follows. */
const hostWords = ['group', 'master', 'vrf', 'to', 'scope', 'label'];

type Writable<T> = { -readonly [Key in keyof T]: T[Key] };

/** Undefined: asks for what only the host knows. `argv`: the line without the tool's name. */
export function parseLinkShow(reader: WordReader, argv: readonly string[], output: OutputOptions): Command | undefined {
  const selector: Writable<LinkSelector> = {};
  let isHost = false;
  for (; reader.more; reader.skip()) {
    const { word } = reader;
    if (word === 'up') {
      selector.up = true;
    } else if (word === 'type') {
      const type = reader.advance();
      if (type === 'vxlan' || type === 'tun') {
        selector.type = type;
      } else if (type === 'tap') {
        selector.type = 'tun';
      } else {
        isHost = true;
      }
    } else if (hostWords.includes(word)) {
      isHost = true;
      reader.advance();
    } else if (word === 'nomaster') {
      isHost = true;
    } else {
      if (findKeyword(word, ['help']) !== undefined) {
        throw new HelpRequest('ip link');
      }
      const dev = word === 'dev' ? reader.advance() : word;
      if (selector.dev !== undefined) {
        throw duplicateOrGarbage('dev', dev);
      }
      selector.dev = dev;
    }
  }
  return isHost ? undefined : { kind: 'link-show', selector, output, argv };
}
