/** Frames and tunnel records in a few words. */
import { dissect } from '../classifier/dissect.js';
import { KEY_WORDS, KeyWord } from '../classifier/flow-key.js';
import { formatIp, formatMac } from '../iproute/address.js';
import { ETH_P_ARP, formatEtherType } from '../iproute/ether-type.js';
import { Arena } from '../memory/arena.js';
import { Packets } from '../memory/packets.js';
import { TUNNEL_KEY, TunnelWord } from '../memory/tunnel.js';
import { ETH_HEADER, frameProtocol } from '../wire/ethernet.js';
import { IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_TCP, IPPROTO_UDP } from '../wire/ip-protocol.js';

const PROTOCOLS: ReadonlyMap<number, string> = new Map([
  [IPPROTO_TCP, 'tcp'],
  [IPPROTO_UDP, 'udp'],
  [IPPROTO_ICMP, 'icmp'],
  [IPPROTO_ICMPV6, 'icmpv6'],
]);

const packets = new Packets(new Arena(65_536), 1);

/** An Ethernet frame, of which `bytes` are the first of `length`. */
export function frameWords(bytes: Uint8Array, length: number): string {
  if (bytes.length < ETH_HEADER) return `${length} bytes`;
  const key = new Int32Array(KEY_WORDS);
  packets.reset();
  const packet = packets.take(0, bytes.length);
  dissect(bytes, 0, bytes.length, packets, packet, key, 0);
  const word = (at: number): number => key[at] ?? 0;
  const tags = word(KeyWord.NUM_OF_VLANS) > 0 ? ` vlan ${word(KeyWord.VLAN_ID)}` : '';
  const macs = `${formatMac(bytes.slice(6, 12))} > ${formatMac(bytes.slice(0, 6))}${tags}`;
  return `${macs} ${payloadWords(key, frameProtocol(bytes, 0, bytes.length))}, ${length} bytes`;
}

function payloadWords(key: Int32Array, protocol: number): string {
  const word = (at: number): number => key[at] ?? 0;
  const version = word(KeyWord.IP_VERSION);
  if (version === 0) {
    if (word(KeyWord.ETH_TYPE) !== ETH_P_ARP) return formatEtherType(word(KeyWord.ETH_TYPE) || protocol);
    const verb = word(KeyWord.ARP_OP) === 1 ? 'who has' : 'reply';
    return `arp ${verb} ${addressAt(key, KeyWord.ARP_TIP, 4)} tell ${addressAt(key, KeyWord.ARP_SIP, 4)}`;
  }
  const width = version === 4 ? 4 : 16;
  const proto = word(KeyWord.IP_PROTO);
  const hasPorts = (word(KeyWord.SRC_PORT) | word(KeyWord.DST_PORT)) !== 0;
  const port = (at: number): string => (hasPorts ? ` port ${word(at)}` : '');
  const from = `${addressAt(key, KeyWord.SRC_IP, width)}${port(KeyWord.SRC_PORT)}`;
  const to = `${addressAt(key, KeyWord.DST_IP, width)}${port(KeyWord.DST_PORT)}`;
  return `${PROTOCOLS.get(proto) ?? `ip proto ${proto}`} ${from} > ${to}`;
}

/** Addresses of a tunnel record. */
export function outerAddresses(record: Int32Array): { readonly source: string; readonly destination: string } {
  const width = record[TunnelWord.FAMILY] === 6 ? 16 : 4;
  return {
    source: addressAt(record, TunnelWord.SRC_IP, width),
    destination: addressAt(record, TunnelWord.DST_IP, width),
  };
}

/** The VNI of a tunnel record; undefined where it has none. */
export function vniOf(record: Int32Array): number | undefined {
  return ((record[TunnelWord.FLAGS] ?? 0) & TUNNEL_KEY) === 0 ? undefined : (record[TunnelWord.VNI] ?? 0);
}

function addressAt(words: Int32Array, at: number, width: 4 | 16): string {
  return formatIp(addressBytes(words, at, width));
}

/** An address of `width` bytes that stands in words from `at` on. */
export function addressBytes(words: Int32Array, at: number, width: 4 | 16): Uint8Array {
  const address = new Uint8Array(width);
  const view = new DataView(address.buffer);
  for (let n = 0; n < width; n += 4) view.setInt32(n, words[at + n / 4] ?? 0);
  return address;
}
