/** `tunnel_key unset` and `tunnel_key set …` (parse_tunnel_key of iproute2; nofrag as its 7.1 has it). */
import { GBP_MASK } from '../wire/vxlan-extensions.js';
import { parseIp } from './address.js';
import type { ActionSpec } from './commands.js';
import { filterRefusal, notSupported } from './errors.js';
import { HelpRequest } from './help.js';
import { parseUnsigned } from './numbers.js';
import { parseControl, parseIndex } from './parse-control.js';
import { suggest } from './suggest.js';
import { findKeyword, refusal, type WordReader } from './word-reader.js';

/** In iproute2's order of precedence. */
export const tunnelKeyWords = [
  'unset',
  'set',
  'src_ip',
  'dst_ip',
  'id',
  'dst_port',
  'geneve_opts',
  'vxlan_opts',
  'erspan_opts',
  'tos',
  'ttl',
  'csum',
  'nocsum',
  'nofrag',
  'help',
] as const;

const MAX_VNI = 0xffffff;

interface Encapsulation {
  srcIp?: Uint8Array;
  dstIp?: Uint8Array;
  id?: number;
  dstPort?: number;
  tos?: number;
  ttl?: number;
  gbp?: number;
  csum: boolean;
  noFrag: boolean;
}

function parseAddress(reader: WordReader): Uint8Array {
  return reader.argument(parseIp, (word) => refusal(`Error: any valid address is expected rather than "${word}".`));
}

function parseNumber(reader: WordReader, name: string, max: number, orHex = false): number {
  return reader.argument(
    (word) => parseUnsigned(word, 10, max) ?? (orHex ? parseUnsigned(word, 16, max) : undefined),
    () => refusal(`Illegal "${name}"`),
  );
}

function parseOption(reader: WordReader, name: (typeof tunnelKeyWords)[number], encapsulation: Encapsulation): void {
  switch (name) {
    case 'src_ip':
      encapsulation.srcIp = parseAddress(reader);
      break;
    case 'dst_ip':
      encapsulation.dstIp = parseAddress(reader);
      break;
    case 'id':
      encapsulation.id = parseNumber(reader, 'id', 0xffffffff);
      break;
    case 'dst_port':
      encapsulation.dstPort = parseNumber(reader, 'dst port', 0xffff);
      break;
    case 'tos':
      encapsulation.tos = parseNumber(reader, 'tos', 0xff, true);
      break;
    case 'ttl':
      encapsulation.ttl = parseNumber(reader, 'ttl', 0xff, true);
      break;
    case 'vxlan_opts':
      // The kernel keeps the bits that the extension has (tunnel_key_copy_vxlan_opt).
      encapsulation.gbp =
        reader.argument(
          (word) => parseUnsigned(word, 0, 0xffffffff),
          () => refusal('Illegal "vxlan_opts"'),
        ) & GBP_MASK;
      break;
    case 'csum':
    case 'nocsum':
      encapsulation.csum = name === 'csum';
      break;
    case 'nofrag':
      encapsulation.noFrag = true;
      break;
    case 'help':
      throw new HelpRequest('tc filter tunnel_key');
    default:
      throw notSupported(`"${name}" of action tunnel_key`);
  }
}

/** Reads from the word `tunnel_key` to the index. */
export function parseTunnelKey(reader: WordReader): ActionSpec {
  let mode: 'set' | 'unset' | undefined;
  const encapsulation: Encapsulation = { csum: true, noFrag: false };
  reader.advance();
  for (
    let name = findKeyword(reader.word, tunnelKeyWords);
    name !== undefined;
    name = findKeyword(reader.word, tunnelKeyWords)
  ) {
    if (name === 'set' || name === 'unset') {
      if (mode !== undefined) {
        throw refusal(`unexpected "${reader.word}" - action already specified`);
      }
      mode = name;
    } else {
      parseOption(reader, name, encapsulation);
    }
    reader.skip();
  }
  const control = parseControl(reader) ?? { type: 'pipe' };
  const index = parseIndex(reader, 'tunnel_key: ');
  const common = { kind: 'tunnel_key', control, ...(index !== undefined && { index }) } as const;
  if (mode === undefined) {
    if (index !== undefined) {
      return { kind: 'reference', of: 'tunnel_key', index };
    }
    throw reader.more
      ? refusal(`Bad action type ${reader.word}${suggest(reader.word, tunnelKeyWords)}`, 255)
      : filterRefusal('Error: Unknown tunnel key action.');
  }
  if (mode === 'unset') {
    return { ...common, mode };
  }
  const { srcIp, dstIp, id } = encapsulation;
  if (srcIp === undefined || dstIp === undefined) {
    const missing = [...(srcIp === undefined ? ['src_ip'] : []), ...(dstIp === undefined ? ['dst_ip'] : [])];
    throw refusal(
      `set needs tunnel_key parameters\nvtep: ${missing.join(' and ')} ${missing.length > 1 ? 'are' : 'is'} missing`,
    );
  }
  if (srcIp.length !== dstIp.length) {
    throw filterRefusal('Error: Missing either ipv4 or ipv6 src and dst.');
  }
  if (id !== undefined && id > MAX_VNI) {
    throw notSupported(`tunnel_key id ${id}, more than the 24 bits of a VNI,`);
  }
  return { ...common, mode, ...encapsulation, srcIp, dstIp };
}
