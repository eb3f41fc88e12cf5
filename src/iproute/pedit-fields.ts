/** The fields that pedit knows by name (p_eth.c, p_ip.c, p_ip6.c, p_tcp.c and p_udp.c of iproute2). */
import type { PeditHeader } from './commands.js';

export interface PeditField {
  readonly header: PeditHeader;
  /** Bytes from the header's start. */
  readonly offset: number;
  readonly kind: 'number' | 'mac' | 'ipv4' | 'ipv6';
  /** Bytes of a number. */
  readonly width: 1 | 2 | 4;
  /** Its bits. */
  readonly retain: number;
  /** Bits that the field lies to the left of its bytes. */
  readonly shift?: 4;
  /** Whether `decrement` is for it. */
  readonly canDecrement?: true;
}

function number(header: PeditHeader, offset: number, width: 1 | 2 | 4, retain = 2 ** (8 * width) - 1): PeditField {
  return { header, offset, kind: 'number', width, retain };
}

function address(header: PeditHeader, offset: number, kind: 'mac' | 'ipv4' | 'ipv6'): PeditField {
  return { header, offset, kind, width: 4, retain: 0xffffffff };
}

type Fields = Readonly<Record<string, PeditField>>;

const eth: Fields = {
  type: number('eth', 12, 2),
  dst: address('eth', 0, 'mac'),
  src: address('eth', 6, 'mac'),
};

const ip: Fields = {
  src: address('ipv4', 12, 'ipv4'),
  dst: address('ipv4', 16, 'ipv4'),
  tos: number('ipv4', 1, 1),
  dsfield: number('ipv4', 1, 1),
  ihl: number('ipv4', 0, 1, 0x0f),
  ttl: { ...number('ipv4', 8, 1), canDecrement: true },
  protocol: number('ipv4', 9, 1),
  precedence: number('ipv4', 1, 1),
  nofrag: number('ipv4', 6, 1, 0x3f),
  firstfrag: number('ipv4', 6, 1, 0x1f),
  ce: number('ipv4', 6, 1, 0x80),
  df: number('ipv4', 6, 1, 0x40),
  mf: number('ipv4', 6, 1, 0x20),
};

/** Of `munge ip` without `ex`: behind a header without options. */
const behindIp: Fields = {
  dport: number('network', 22, 2),
  sport: number('network', 20, 2),
  icmp_type: number('network', 20, 1),
  // iproute2 has the type's place here, and so must whoever reads what it wrote.
  icmp_code: number('network', 20, 1),
};

const ip6: Fields = {
  src: address('ipv6', 8, 'ipv6'),
  dst: address('ipv6', 24, 'ipv6'),
  flow_lbl: number('ipv6', 0, 4, 0x0007ffff),
  payload_len: number('ipv6', 4, 2),
  nexthdr: number('ipv6', 6, 1),
  hoplimit: { ...number('ipv6', 7, 1), canDecrement: true },
  traffic_class: { ...number('ipv6', 1, 1), shift: 4 },
};

const tcp: Fields = {
  sport: number('tcp', 0, 2),
  dport: number('tcp', 2, 2),
  flags: number('tcp', 13, 1),
};

const udp: Fields = { sport: number('udp', 0, 2), dport: number('udp', 2, 2) };

/** By layer as it is typed. */
const layers: Readonly<Record<string, Fields>> = { eth, ip, ip6, tcp, udp };

/** Layers and their fields. */
export const peditWords: readonly string[] = Object.entries(layers).flatMap(([layer, fields]) => [
  layer,
  ...Object.keys(fields),
]);

/** Every field that can be named: its layer, its name, and whether that needs `ex`, or must be without. */
export const peditFields: readonly (readonly [layer: string, name: string, extended: boolean])[] = [
  ...Object.entries(layers).flatMap(([layer, fields]) =>
    Object.keys(fields).map((name): [string, string, boolean] => [layer, name, true]),
  ),
  ...Object.keys({ ...ip, ...behindIp }).map((name): [string, string, boolean] => ['ip', name, false]),
];

/** Those of `ip` that may be abbreviated. */
const abbreviable = ['dsfield', 'precedence'];

/** The field of a name, where the mode has it: without `ex` only those of `ip`, whose offsets then count as `offset`'s do. */
export function findField(layer: string, word: string, isExtended: boolean): PeditField | undefined {
  const fields = Object.hasOwn(layers, layer) ? layers[layer] : undefined;
  if (fields === undefined || (layer !== 'ip' && !isExtended)) {
    return undefined;
  }
  const name = layer === 'ip' ? (abbreviable.find((long) => word !== '' && long.startsWith(word)) ?? word) : word;
  if (isExtended) {
    return Object.hasOwn(fields, name) ? fields[name] : undefined;
  }
  const legacy = { ...fields, ...behindIp };
  const field = Object.hasOwn(legacy, name) ? legacy[name] : undefined;
  return field && { ...field, header: 'network' };
}
