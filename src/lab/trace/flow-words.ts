/** A flow in words, as flower's keys: from them a packet and its metadata are made. */
import { AT_EGRESS, AT_INGRESS } from '../../actions/outlet.js';
import { CommandError, type FlowerKey, type VxlanOptions } from '../../iproute/commands.js';
import { ETH_P_8021Q, ETH_P_ALL, ETH_P_ARP, ETH_P_IP, ETH_P_IPV6, parseEtherType } from '../../iproute/ether-type.js';
import { parseFlower } from '../../iproute/parse-flower.js';
import { suggest } from '../../iproute/suggest.js';
import { WordReader } from '../../iproute/word-reader.js';
import { TUNNEL_CSUM, TUNNEL_WORDS, TunnelWord } from '../../memory/tunnel.js';
import { putU32 } from '../../wire/bytes.js';
import { VXLAN_FLAG_VNI, VXLAN_FLAGS, VXLAN_HEADER, VXLAN_VNI, VXLAN_VNI_MAX } from '../../wire/vxlan.js';
import { GPE_ETHERNET, gbpWord, gpeWord } from '../../wire/vxlan-extensions.js';
import type { LocalDevice, LocalEndpoint } from '../local-endpoint.js';
import { outerPacket } from '../outer-packet.js';
import { FlowValues, flowFrame } from './flow-frame.js';
import { isTunnelField } from './packet-words.js';

/** Something that comes to an endpoint. */
export type Arrival =
  | { readonly from: 'underlay'; readonly bytes: Uint8Array }
  | { readonly from: 'host'; readonly device: LocalDevice; readonly bytes: Uint8Array };

/** Where a flow meets a device. */
export interface Place {
  readonly device: LocalDevice;
  /** AT_INGRESS or AT_EGRESS. */
  readonly direction: number;
}

/** These are not what a packet says, or stand for more than one. */
const NOT_SAID: readonly string[] = ['indev', 'l2_miss'];
const WITH_BITS: readonly string[] = ['tcp_flags', 'vxlan_opts', 'ip_flags', 'enc_flags'];
const FAMILY_WIDTH = { 4: 4, 16: 6 } as const;

function refuse(text: string): CommandError {
  return new CommandError(`vtep: ${text}`, 1);
}

/** Takes `dev NAME [ingress|egress]` from the words; undefined where they name no device. Throws CommandError. */
export function takePlace(
  endpoint: LocalEndpoint,
  words: readonly string[],
): { readonly place?: Place; readonly rest: readonly string[] } {
  if (words[0] !== 'dev') return { rest: words };
  const name = words[1];
  if (name === undefined) throw refuse('"dev" needs the name of a device');
  const device = endpoint.devices.get(name);
  if (!device) {
    throw refuse(`no line makes a device "${name}"${suggest(name, [...endpoint.devices.keys()])}`);
  }
  const hook = words[2];
  const isEgress = hook === 'egress';
  if (device.kind === 'host') throw refuse(`${name} is the host's: what comes in there does not come to vtep`);
  if (isEgress && device.kind !== 'vxlan') {
    throw refuse(`what leaves by ${name} goes to the host; say what comes in: dev ${name} without "egress"`);
  }
  const place = { device, direction: isEgress ? AT_EGRESS : AT_INGRESS };
  return { place, rest: words.slice(isEgress || hook === 'ingress' ? 3 : 2) };
}

/** The packet of a flow. Throws CommandError, which names the word. */
export function flowArrival(place: Place, words: readonly string[]): Arrival {
  const { device, direction } = place;
  const flow = readFlow(words);
  const frame = flowFrame(new FlowValues(flow.protocol, flow.keys));
  if (device.vxlan && direction === AT_INGRESS) {
    return { from: 'underlay', bytes: tunnelled(device.name, device.vxlan, flow.keys, frame) };
  }
  const odd = flow.keys.find(({ name }) => isTunnelField(name));
  if (odd) {
    throw refuse(`"${odd.name}": what the host sends on ${device.name} has no metadata of a tunnel`);
  }
  return { from: 'host', device, bytes: frame };
}

function readFlow(words: readonly string[]): { readonly protocol: number; readonly keys: readonly FlowerKey[] } {
  const isTold = words[0] === 'protocol';
  const rest = isTold ? words.slice(2) : words;
  const protocol = isTold ? parseEtherType(words[1] ?? '') : protocolOf(rest);
  if (protocol === undefined) throw refuse(`"${words[1] ?? ''}" is no protocol`);
  if (protocol === ETH_P_ALL) throw refuse('a packet has one protocol, not "all"');
  const { keys, actions, skipHw, classid } = parseFlower(new WordReader(rest), protocol);
  if (actions.length > 0 || skipHw || classid !== undefined) {
    throw refuse('a flow is made of keys alone, without actions and other options of a filter');
  }
  for (const { name, mask } of keys) {
    if (NOT_SAID.includes(name)) throw refuse(`"${name}" is not for a packet to say`);
    if (name.endsWith('_range')) throw refuse(`a packet has one ${name.replace('_range', '')}, not a range`);
    if (!WITH_BITS.includes(name) && mask.some((byte) => byte !== 0xff)) {
      throw refuse(`a packet has one ${name}: say it without a mask`);
    }
  }
  return { protocol, keys };
}

/** The protocol that the keys are of, where nothing says one. */
function protocolOf(words: readonly string[]): number {
  const keys = words.filter((_, n) => n % 2 === 0);
  if (keys.some((word) => word.startsWith('arp_'))) return ETH_P_ARP;
  if (keys.some((word) => /^c?vlan_/.test(word))) return ETH_P_8021Q;
  const isSix = keys.some((word, n) => /^(dst|src)_ip$/.test(word) && words[2 * n + 1]?.includes(':'));
  return isSix || words[words.indexOf('ip_proto') + 1] === 'icmpv6' ? ETH_P_IPV6 : ETH_P_IP;
}

/** The outer packet that brings a frame to a vxlan device with the metadata that the keys say. */
function tunnelled(name: string, vxlan: VxlanOptions, keys: readonly FlowerKey[], frame: Uint8Array): Uint8Array {
  const flow = new FlowValues(0, keys);
  const given = flow.has('enc_dst_ip') ? 'enc_dst_ip' : 'enc_src_ip';
  const isSix = flow.bytes(given, [...(vxlan.local ?? vxlan.remote ?? [0, 0, 0, 0])]).length === 16;
  const plain = (last: number): number[] => (isSix ? [...PLAIN_6, last] : [...PLAIN_4, last]);
  const source = flow.bytes('enc_src_ip', plain(1));
  const local = vxlan.local?.some((byte) => byte !== 0) ? [...vxlan.local] : plain(2);
  const destination = flow.bytes('enc_dst_ip', local);
  if (source.length !== destination.length) throw refuse('enc_src_ip and enc_dst_ip are of different families');
  const vni = flow.number('enc_key_id', vxlan.id ?? 0);
  if (vni > VXLAN_VNI_MAX) throw refuse(`enc_key_id ${vni}: a VNI has 24 bits`);
  const dstport = flow.number('enc_dst_port', vxlan.dstport);
  if (dstport !== vxlan.dstport) {
    throw refuse(`enc_dst_port ${dstport}: ${name} receives on port ${vxlan.dstport} only`);
  }
  const tunnel = new Int32Array(TUNNEL_WORDS);
  tunnel[TunnelWord.FAMILY] = FAMILY_WIDTH[source.length === 4 ? 4 : 16];
  tunnel.set(wordsOf(destination), TunnelWord.DST_IP);
  tunnel.set(wordsOf(source), TunnelWord.SRC_IP);
  // Over IPv6 a checksum is no choice of the sender's, unless the device says so.
  tunnel[TunnelWord.FLAGS] = flow.number('enc_flags', source.length === 16 ? TUNNEL_CSUM : 0);
  tunnel[TunnelWord.TOS] = flow.number('enc_tos', 0);
  tunnel[TunnelWord.TTL] = flow.number('enc_ttl', 0);
  const port = flow.number('enc_src_port', 49152);
  const payload = new Uint8Array(VXLAN_HEADER + frame.length);
  putU32(payload, VXLAN_FLAGS, firstWord(name, vxlan, flow));
  putU32(payload, VXLAN_VNI, vni << 8);
  payload.set(frame, VXLAN_HEADER);
  return outerPacket({ tunnel, hash: 0 }, payload, { dstport, srcport: [port, port] });
}

function firstWord(name: string, vxlan: VxlanOptions, flow: FlowValues): number {
  if (flow.has('vxlan_opts') && vxlan.gbp !== true) {
    throw refuse(`"vxlan_opts": ${name} has no gbp, and takes no group policy`);
  }
  if (vxlan.gpe === true) return gpeWord(GPE_ETHERNET);
  return vxlan.gbp === true ? gbpWord(flow.number('vxlan_opts', 0)) : VXLAN_FLAG_VNI;
}

/** 198.51.100.0/24 and 2001:db8:ffff::/64, less the last byte. */
const PLAIN_4 = [198, 51, 100];
const PLAIN_6 = [0x20, 0x01, 0x0d, 0xb8, 0xff, 0xff, ...new Array<number>(9).fill(0)];

function wordsOf(address: Uint8Array): number[] {
  const view = new DataView(address.buffer, address.byteOffset, address.byteLength);
  return Array.from({ length: address.length / 4 }, (_, n) => view.getInt32(n * 4));
}
