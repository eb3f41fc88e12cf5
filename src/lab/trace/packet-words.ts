/** A flow key in words: the fields that a packet has, as tc prints the keys of a filter. */
import { dissect } from '../../classifier/dissect.js';
import { FIELDS } from '../../classifier/fields.js';
import { KEY_TUNNEL, KEY_WORDS, KeyWord } from '../../classifier/flow-key.js';
import type { FlowerKey, FlowerKeyName } from '../../iproute/commands.js';
import { ETH_P_ARP, ETH_P_RARP, formatEtherType } from '../../iproute/ether-type.js';
import { flowerKey, flowerKeys } from '../../iproute/flower-keys.js';
import { wordOf } from '../../iproute/flower-value.js';
import { flowerValues } from '../../iproute/flower-values.js';
import { Arena } from '../../memory/arena.js';
import { Packets } from '../../memory/packets.js';
import { TUNNEL_VXLAN_OPT } from '../../memory/tunnel.js';
import { frameProtocol } from '../../wire/ethernet.js';
import * as ip from '../../wire/ip-protocol.js';
import type { PacketState } from './watch.js';

/** Values by field, in the order in which tc prints them. */
export type PacketWords = Readonly<Record<string, string>>;

const WITH_PORTS: readonly number[] = [
  ...[ip.IPPROTO_TCP, ip.IPPROTO_UDP, ip.IPPROTO_SCTP, ip.IPPROTO_DCCP, ip.IPPROTO_UDPLITE],
];

/** The word for a value of flower, as tc prints it. */
export function keyWord(key: FlowerKey): string {
  const row = flowerKey(key.name);
  return row ? wordOf(flowerValues[row.kind].format(key)) : '';
}

/** The name that tc prints a key under. */
export function keyName(name: FlowerKeyName): string {
  return flowerKey(name)?.printed ?? name;
}

/** Whether the packet of a flow key has a field; of an address, in the family of `width` bytes. */
export function hasField(name: FlowerKeyName, key: Int32Array, width?: number): boolean {
  const word = (at: number): number => key[at] ?? 0;
  const version = width === undefined ? 0 : width === 4 ? 4 : 6;
  const isOf = (at: number): boolean => (version === 0 ? word(at) !== 0 : word(at) === version);
  const proto = word(KeyWord.IP_PROTO);
  switch (name) {
    case 'dst_ip':
    case 'src_ip':
      return isOf(KeyWord.IP_VERSION);
    case 'enc_dst_ip':
    case 'enc_src_ip':
      return isOf(KeyWord.ENC_FAMILY);
    case 'ip_proto':
    case 'ip_tos':
    case 'ip_ttl':
    case 'ip_flags':
      return word(KeyWord.IP_VERSION) !== 0;
    case 'dst_port':
    case 'src_port':
    case 'dst_port_range':
    case 'src_port_range':
      return (
        (word(KeyWord.DST_PORT) | word(KeyWord.SRC_PORT)) !== 0 || (WITH_PORTS.includes(proto) && !isFragment(key))
      );
    case 'tcp_flags':
      return proto === ip.IPPROTO_TCP && !isFragment(key);
    case 'icmp_type':
    case 'icmp_code':
      return (proto === ip.IPPROTO_ICMP || proto === ip.IPPROTO_ICMPV6) && !isFragment(key);
    case 'vlan_id':
    case 'vlan_prio':
    case 'vlan_ethtype':
      return word(KeyWord.NUM_OF_VLANS) > 0;
    case 'cvlan_id':
    case 'cvlan_prio':
    case 'cvlan_ethtype':
      return word(KeyWord.NUM_OF_VLANS) > 1;
    case 'vxlan_opts':
      return (word(KeyWord.ENC_FLAGS) & TUNNEL_VXLAN_OPT) !== 0;
    case 'indev':
      return word(KeyWord.INDEV) !== 0;
    default:
      if (name.startsWith('arp_')) return [ETH_P_ARP, ETH_P_RARP].includes(word(KeyWord.ETH_TYPE));
      return !name.startsWith('enc_') || word(KeyWord.ENC_FAMILY) !== 0;
  }
}

function isFragment(key: Int32Array): boolean {
  return (key[KeyWord.IP_FLAGS] ?? 0) !== 0;
}

/** What the packet of a flow key has in a field, under a mask of ones. */
export function fieldOf(name: FlowerKeyName, key: Int32Array, device: (ifindex: number) => string): FlowerKey {
  if (name === 'indev') {
    return { name, value: Uint8Array.from(Buffer.from(device(key[KeyWord.INDEV] ?? 0))), mask: new Uint8Array(0) };
  }
  const { byte, widths } = FIELDS[name];
  const isAddress = widths.length > 1;
  const family = key[name.startsWith('enc_') ? KeyWord.ENC_FAMILY : KeyWord.IP_VERSION];
  const width = isAddress ? (family === 6 ? 16 : 4) : Number(widths[0]);
  const value = bigEndian(key).slice(byte, byte + width);
  return { name, value, mask: new Uint8Array(width).fill(0xff) };
}

/** The words of a key as bytes in network order, as the fields count them. */
function bigEndian(key: Int32Array): Uint8Array {
  const view = new DataView(new ArrayBuffer(key.length * 4));
  for (const [n, word] of key.entries()) view.setInt32(n * 4, word);
  return new Uint8Array(view.buffer);
}

/** A field in words: of the group policy and the flags of TCP the value without its mask. */
export function fieldWord(name: FlowerKeyName, key: Int32Array, device: (ifindex: number) => string): string {
  const field = fieldOf(
    name === 'dst_port_range' ? 'dst_port' : name === 'src_port_range' ? 'src_port' : name,
    key,
    device,
  );
  const word = keyWord(field);
  if (name === 'vxlan_opts' || name === 'tcp_flags') return word.replace(/\/.*/, '');
  return word;
}

/** Fields that say little where they are 0: most packets have them so. */
const SELDOM: readonly FlowerKeyName[] = [
  ...(['num_of_vlans', 'ip_flags', 'enc_flags', 'enc_tos', 'enc_ttl', 'enc_src_port', 'l2_miss', 'ip_tos'] as const),
];

/** Of flags, those that are set. */
function setFlags(name: FlowerKeyName, word: string): string {
  if (name !== 'ip_flags' && name !== 'enc_flags') return word;
  const set = word.split('/').filter((flag) => !flag.startsWith('no'));
  return set.length === 0 ? '0' : set.join('/');
}

function wordsOf(key: Int32Array, isWanted: (name: FlowerKeyName) => boolean): PacketWords {
  const words: Record<string, string> = {};
  for (const { name, printed } of flowerKeys) {
    if (printed !== undefined && name.endsWith('_range')) continue;
    if (!isWanted(name) || !hasField(name, key)) continue;
    const word = setFlags(
      name,
      fieldWord(name, key, () => ''),
    );
    if (!SELDOM.includes(name) || word !== '0') words[keyName(name)] = word;
  }
  return words;
}

/** The fields of the frame. */
export function frameWords(key: Int32Array): PacketWords {
  return wordsOf(key, (name) => name !== 'indev' && !isTunnelField(name));
}

/** The metadata of the tunnel. */
export function tunnelWords(key: Int32Array): PacketWords {
  return wordsOf(key, isTunnelField);
}

/** Whether a key is about metadata of the tunnel. */
export function isTunnelField(name: FlowerKeyName): boolean {
  return name.startsWith('enc_') || name === 'vxlan_opts';
}

/** The EtherType that filters' protocols are compared with, as tc prints it. */
export function protocolWord(protocol: number): string {
  return formatEtherType(protocol);
}

/** Reads packets as they were at some moment. */
export class PacketReader {
  private readonly packets = new Packets(new Arena(65_536), 1);

  /** The flow key of a packet, without the device that it came in on. */
  key({ bytes, tunnel }: PacketState): Int32Array {
    const { packets } = this;
    const key = new Int32Array(KEY_WORDS);
    packets.reset();
    const packet = packets.take(0, bytes.length);
    dissect(bytes, 0, bytes.length, packets, packet, key, 0);
    if (tunnel) key.set(tunnel, KEY_TUNNEL);
    return key;
  }

  protocol({ bytes }: PacketState): number {
    return frameProtocol(bytes, 0, bytes.length);
  }
}
