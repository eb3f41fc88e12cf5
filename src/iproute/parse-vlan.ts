/** `vlan pop|push|modify|pop_eth|push_eth` (parse_vlan of iproute2). */
import { parseMac } from './address.js';
import type { ActionSpec, Control } from './commands.js';
import { filterRefusal, invalidArgument } from './errors.js';
import { parseEtherType } from './ether-type.js';
import { HelpRequest } from './help.js';
import { parseUnsigned } from './numbers.js';
import { parseControl, parseIndex } from './parse-control.js';
import { findKeyword, refusal, type WordReader } from './word-reader.js';

/** In iproute2's order of precedence. */
export const vlanWords = [
  ...(['pop', 'push', 'modify', 'pop_eth', 'push_eth'] as const),
  ...(['id', 'protocol', 'priority', 'dst_mac', 'src_mac', 'help'] as const),
] as const;

const ETHERTYPE_8021Q = 0x8100;
const ETHERTYPE_8021AD = 0x88a8;
/** VLAN_VID_MASK: reserved, and refused by the kernel with all that is above it. */
const RESERVED_ID = 0xfff;

interface Options {
  mode?: 'pop' | 'push' | 'modify' | 'pop_eth' | 'push_eth';
  id?: number;
  protocol?: number;
  priority?: number;
  dst_mac?: Uint8Array;
  src_mac?: Uint8Array;
}

function parseTagOption(reader: WordReader, name: 'id' | 'protocol' | 'priority', options: Options): void {
  if (options.mode !== 'push' && options.mode !== 'modify') {
    throw invalidArgument('only valid for push/modify', reader.word);
  }
  options[name] = reader.argument(
    (word) => (name === 'protocol' ? parseEtherType(word) : parseUnsigned(word, 0, name === 'id' ? 0xffff : 7)),
    (word) => invalidArgument(`${name === 'priority' ? 'prio' : name} is invalid`, word),
  );
}

function parseOption(reader: WordReader, name: (typeof vlanWords)[number], options: Options): void {
  switch (name) {
    case 'id':
    case 'protocol':
    case 'priority':
      parseTagOption(reader, name, options);
      break;
    case 'dst_mac':
    case 'src_mac':
      if (options.mode !== 'push_eth') {
        throw invalidArgument('only valid for push_eth', reader.word);
      }
      options[name] = reader.argument(parseMac, (word) => invalidArgument(`${name} is invalid`, word));
      break;
    case 'help':
      throw new HelpRequest('tc filter vlan');
    default:
      if (options.mode !== undefined) {
        throw refusal(`unexpected "${reader.word}" - action already specified`);
      }
      options.mode = name;
  }
}

function tagOf(mode: 'push' | 'modify', options: Options, control: Control): ActionSpec {
  const { id, protocol = ETHERTYPE_8021Q, priority } = options;
  if (id === undefined) {
    throw refusal(`id needs to be set for ${mode}`);
  }
  if (protocol !== ETHERTYPE_8021Q && protocol !== ETHERTYPE_8021AD) {
    throw refusal('protocol not supported');
  }
  if (id >= RESERVED_ID) {
    throw filterRefusal('RTNETLINK answers: Numerical result out of range');
  }
  const common = { kind: 'vlan', mode, id, protocol, control } as const;
  // The kernel shows the priority of every push.
  return priority === undefined && mode === 'modify' ? common : { ...common, priority: priority ?? 0 };
}

function pushEthOf({ dst_mac: dstMac, src_mac: srcMac }: Options, control: Control): ActionSpec {
  if (dstMac === undefined || srcMac === undefined) {
    throw refusal(`${dstMac === undefined ? 'dst_mac' : 'src_mac'} needs to be set for push_eth`);
  }
  return { kind: 'vlan', mode: 'push_eth', dstMac, srcMac, control };
}

/** Reads from the word `vlan` to the index. */
export function parseVlan(reader: WordReader): ActionSpec {
  const options: Options = {};
  reader.advance();
  for (let name = findKeyword(reader.word, vlanWords); name !== undefined; name = findKeyword(reader.word, vlanWords)) {
    parseOption(reader, name, options);
    reader.skip();
  }
  const control = parseControl(reader) ?? { type: 'pipe' };
  const index = parseIndex(reader, 'vlan: ');
  const { mode } = options;
  if (mode === undefined) {
    if (index === undefined) {
      throw filterRefusal('RTNETLINK answers: Invalid argument');
    }
    return { kind: 'reference', of: 'vlan', index };
  }
  const spec: ActionSpec =
    mode === 'push' || mode === 'modify'
      ? tagOf(mode, options, control)
      : mode === 'push_eth'
        ? pushEthOf(options, control)
        : { kind: 'vlan', mode, control };
  return { ...spec, ...(index !== undefined && { index }) };
}
