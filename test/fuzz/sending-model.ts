/**
 * What must become of a sending, said slowly: frame by frame, first what virtio (1.2, section 5.1.6) and the kernel's
 * skb_checksum_help and *_gso_segment say of it, then what RFC 7348 says. Shares no code with the datapath but constants
 * and the dissector's oracle.
 */
import { ActionKind, Verdict } from '../../src/actions/program.js';
import { type Dissected, dissectSlowly } from '../../src/classifier/dissect-oracle.js';
import { KeyWord } from '../../src/classifier/flow-key.js';
import {
  type Action,
  gact,
  type HookRule,
  mirror,
  redirect,
  set,
  TAP0,
  type TunnelRecord,
  VXLAN0,
} from '../../src/dataplane/harness.test.helper.js';
import * as shape from '../../src/memory/packets.js';
import type { ReasonName } from '../../src/memory/reasons.js';
import * as tunnel from '../../src/memory/tunnel.js';
import { naiveSum } from '../../src/offload/test-frames.js';
import { naivePseudo } from './naive-pseudo.js';
import { frameOf, type HostFrame, type Sending, type VirtioHeader, Way } from './sending.js';

export const VNI = 4;
/** Addresses of the host itself, for some sendings really go there. */
const HERE = 0x7f000001;
const SOURCE = 0x7f000003;
const GBP_POLICY = 0x00401234;
const everyKey = tunnel.TUNNEL_KEY | tunnel.TUNNEL_CSUM;
const everything = tunnel.TUNNEL_TOS | tunnel.TUNNEL_TTL | tunnel.TUNNEL_DONT_FRAGMENT;

/** What the filters may say of the outer header. A port of 0 is the device's own. */
export const RECORDS: readonly TunnelRecord[] = [
  { FAMILY: 4, FLAGS: everyKey, VNI, DST_IP: HERE },
  { FAMILY: 4, FLAGS: everyKey | everything, VNI: 0xffffff, TOS: 0x49, TTL: 7, DST_IP: HERE, SRC_IP: SOURCE },
  { FAMILY: 6, FLAGS: everyKey, VNI: 0x102030, DST_IP: 0, TTL: 9 },
  { FAMILY: 4, FLAGS: tunnel.TUNNEL_KEY | tunnel.TUNNEL_VXLAN_OPT, VNI: 5, GBP: GBP_POLICY, DST_IP: HERE },
  { FAMILY: 4, FLAGS: tunnel.TUNNEL_CSUM | tunnel.TUNNEL_TOS, VNI: 99, TTL: 200, DST_IP: HERE },
];
/** The last word of the IPv6 record's destination: ::1. */
export const SIX = 2;

const to = (record: number): readonly Action[] => [set(record), redirect(VXLAN0)];
const { IP_PROTO, IP_VERSION } = KeyWord;

function when(match: Readonly<Record<number, number>>, actions: readonly Action[]): HookRule {
  return { device: TAP0, match, actions };
}

/** A sending to an external device has one of these in force; a rule's number is its pref. */
export const RULE_SETS: readonly (readonly HookRule[])[] = [
  [{ device: TAP0, actions: to(0) }],
  [when({ [IP_PROTO]: 6 }, to(1)), { device: TAP0, actions: to(0) }],
  [when({ [IP_VERSION]: 6 }, to(SIX)), when({ [IP_PROTO]: 17 }, to(3)), when({ [IP_PROTO]: 6 }, to(4))],
  [{ device: TAP0, actions: [set(0), mirror(VXLAN0), set(1), redirect(VXLAN0)] }],
  [when({ [IP_VERSION]: 4 }, [redirect(VXLAN0)]), when({ [IP_VERSION]: 6 }, [gact(Verdict.SHOT)])],
  [when({ [IP_VERSION]: 4 }, [mirror(VXLAN0), set(3), mirror(VXLAN0), ...to(SIX)]), { device: TAP0, actions: to(4) }],
];

/** Of a classic device: the address that its table knows, and the VNIs under which frames to it and to all others leave. */
export const KNOWN_MAC = Uint8Array.of(0x52, 0x54, 0, 0, 0, 0x0b);
export const REMOTE_VNIS = { known: [VNI], all: [VNI, 7] } as const;

const INHERIT = -1;
export const TOS_DEFAULTS = [0, 0x28, INHERIT, 0xff] as const;
export const TTL_DEFAULTS = [0, 5, INHERIT, 255] as const;

/** Errno of refused entries, and what they count under. */
export const ERRNOS: readonly (readonly [number, ReasonName])[] = [
  ...([[11, 'send-again'] as const, [105, 'send-nobufs'], [90, 'too-big'], [1, 'send-permission']] as const),
  ...([
    [101, 'send-unreachable'],
    [111, 'send-refused'],
    [100, 'send-netdown'],
    [5, 'send-other'],
  ] as const),
];

/** The outer header, as far as vtep has a say in it. */
export interface Outer {
  readonly family: number;
  readonly tos: number;
  /** 0: the host's. */
  readonly ttl: number;
  readonly dontFragment: boolean;
  readonly checksum: boolean;
  /** First word; 0: the host's. */
  readonly source: number;
  readonly destination: readonly number[];
  /** 0: the device's own. */
  readonly port: number;
}

/** Datagrams that one frame must become, in order. */
export interface Due {
  readonly outer: Outer;
  /** UDP payloads; none where they are too many to be spelled out. */
  readonly payloads: readonly Uint8Array[];
  readonly flow: string;
  /** How many they are, and bytes of them all. */
  readonly count: number;
  readonly bytes: number;
  /** The frame, where it leaves in one piece for the kernel to cut. */
  readonly whole?: { readonly bytes: Uint8Array; readonly gsoType: number; readonly gsoSize: number };
}

export interface SendingModel {
  readonly reasons: Map<string, number>;
  readonly due: Due[];
  /** Packets that tap0 counts as received. */
  received: number;
}

const at16 = (bytes: Uint8Array, at: number): number => ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);

function put16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 8;
  bytes[at + 1] = value;
}

/** Bytes of the largest UDP payload that every outer header carries (that of IPv6 without a jumbogram, less 40). */
const LONGEST_PAYLOAD = 65_487;
/** What one vector holds (dataplane/transmit.ts): entries, pieces of memory, bytes of headers; datagrams of an entry. */
const ENTRIES = 256;
const PIECES = 8192;
const HEADER_BYTES = 512 * 1024;
const BUNDLE = 64;
/** Segments up to which they are spelled out where a frame leaves in one piece. */
const SPELLED = 300;
/** What a TAP's read has room for. */
const ROOM = 65_536;

export function modelOf(sending: Sending): SendingModel {
  const model: SendingModel = { reasons: new Map(), due: [], received: 0 };
  for (const frame of sending.frames) modelFrame(sending, frame, model);
  return model;
}

/** What a read from a TAP cannot make sense of. */
function refusalOf(bytes: Uint8Array, { flags, gsoType, gsoSize, csumStart, csumOffset }: VirtioHeader) {
  if (bytes.length >= ROOM) return 'tap-read-malformed';
  if (bytes.length < 14) return 'tap-read-short';
  const isOutside = csumStart < 14 || csumStart + csumOffset + 2 > bytes.length;
  const isKnown = [0, 1, 4, 5, 0x81, 0x84].includes(gsoType);
  const isSized = gsoType === 0 || gsoSize > 0;
  return ((flags & 1) !== 0 && isOutside) || !isKnown || !isSized ? 'tap-read-malformed' : undefined;
}

function modelFrame(sending: Sending, given: HostFrame, model: SendingModel): void {
  const count = (reason: ReasonName, by: number): void => {
    if (by > 0) model.reasons.set(reason, (model.reasons.get(reason) ?? 0) + by);
  };
  const bytes = frameOf(given);
  const refusal = refusalOf(bytes, given.virtio);
  if (refusal !== undefined) {
    count(refusal, 1);
    return;
  }
  const { flags, gsoType, gsoSize } = given.virtio;
  const found = dissectSlowly(bytes);
  const behind = found.end - Math.max(0, found.payload);
  const segments = gsoType !== 0 && behind > gsoSize ? Math.ceil(behind / gsoSize) : 1;
  const frame: Frame = { ...given.virtio, bytes, found, unfinished: (flags & 1) !== 0 };
  const send = (record: TunnelRecord | undefined): void => {
    const answer = record === undefined ? 'no-tunnel-metadata' : dueOf(sending, frame, record);
    if (typeof answer === 'string') count(answer, segments);
    else model.due.push(answer);
  };
  if (sending.classic) {
    const isKnown = Buffer.compare(bytes.subarray(0, 6), KNOWN_MAC) === 0;
    for (const vni of isKnown ? REMOTE_VNIS.known : REMOTE_VNIS.all)
      send({ FAMILY: 4, FLAGS: everyKey, VNI: vni, DST_IP: HERE });
    return;
  }
  model.received += segments;
  const rules = RULE_SETS[sending.rules % RULE_SETS.length] ?? [];
  const rule = rules.find(({ match = {} }) =>
    Object.entries(match).every(([word, value]) => found.key[Number(word)] === value),
  );
  if (rule === undefined) count('tap-unmatched', segments);
  let record: TunnelRecord | undefined;
  for (const action of rule?.actions ?? []) {
    if (action.control === Verdict.SHOT) count('action-drop', segments);
    else if (action.kind === ActionKind.TUNNEL_KEY_SET) record = RECORDS[action.a ?? 0];
    else send(record);
  }
}

export interface Frame {
  readonly bytes: Uint8Array;
  readonly found: Dissected;
  readonly gsoType: number;
  readonly gsoSize: number;
  readonly unfinished: boolean;
  readonly csumStart: number;
  readonly csumOffset: number;
}

/** What `segmentsOf` looks at. */
export type Cuttable = Pick<Frame, 'bytes' | 'gsoSize' | 'unfinished' | 'csumStart' | 'csumOffset'> & {
  readonly found: Pick<Dissected, 'shape' | 'l3' | 'l4' | 'payload' | 'end'>;
};

/** RFC 6040: the ECN field of the outer header is the inner one's, and ECT(0) where that is CE. */
function withEcn(tos: number, inner: number): number {
  const ecn = inner & 3;
  return (tos & 0xfc) | (ecn === 3 ? 2 : ecn);
}

function outerOf(sending: Sending, { bytes, found }: Frame, record: TunnelRecord): Outer {
  const { FLAGS = 0, TOS = 0, TTL = 0, FAMILY = 4, SRC_IP = 0, DST_PORT = 0, DST_IP = 0 } = record;
  const { l3 } = found;
  const four = (found.shape & shape.SHAPE_IPV4) !== 0;
  const innerTos = l3 < 0 ? 0 : four ? (bytes[l3 + 1] ?? 0) : (at16(bytes, l3) >>> 4) & 0xff;
  const innerTtl = l3 < 0 ? 0 : (bytes[l3 + (four ? 8 : 7)] ?? 0);
  let tos = TOS;
  if (tos === 0 && (FLAGS & tunnel.TUNNEL_TOS) === 0) tos = TOS_DEFAULTS[sending.tos] ?? 0;
  let ttl = TTL;
  if (ttl === 0 && (FLAGS & tunnel.TUNNEL_TTL) === 0) ttl = TTL_DEFAULTS[sending.ttl] ?? 0;
  const says = l3 === 14 && (!four || (at16(bytes, l3 + 6) & 0x4000) !== 0);
  return {
    family: FAMILY,
    tos: withEcn(tos === INHERIT ? innerTos : tos, innerTos),
    ttl: ttl === INHERIT ? innerTtl : ttl,
    dontFragment: (FLAGS & tunnel.TUNNEL_DONT_FRAGMENT) !== 0 || sending.df === 1 || (sending.df === 2 && says),
    checksum: (FLAGS & tunnel.TUNNEL_CSUM) !== 0,
    source: SRC_IP,
    destination: FAMILY === 6 ? [0, 0, 0, 1] : [DST_IP, 0, 0, 0],
    port: DST_PORT,
  };
}

/** The VXLAN header, and how many bytes at the frame's front do not follow it. */
function headerOf(sending: Sending, { found }: Frame, record: TunnelRecord): { header: Uint8Array; strip: number } {
  const { FLAGS = 0, VNI: vni = 0, GBP = 0 } = record;
  const id = (FLAGS & tunnel.TUNNEL_KEY) === 0 ? 0 : vni;
  const header = Uint8Array.of(8, 0, 0, 0, id >>> 16, id >>> 8, id, 0);
  if (sending.gpe) {
    const isIp = found.l3 === 14 && (found.shape & shape.SHAPE_ODD) === 0;
    header[0] = 0x0c;
    header[3] = !isIp ? 3 : (found.shape & shape.SHAPE_IPV4) !== 0 ? 1 : 2;
    return { header, strip: isIp ? 14 : 0 };
  }
  if (sending.gbp && (FLAGS & tunnel.TUNNEL_VXLAN_OPT) !== 0) {
    header[0] = 0x88;
    header[1] = GBP >>> 16;
    put16(header, 2, GBP);
  }
  return { header, strip: 0 };
}

/** Where the UDP payload stands of the frame behind the VXLAN header at `at`, or -1. */
function innerPayload(bytes: Uint8Array, at: number): number {
  const next = ((bytes[at] ?? 0) & 4) === 0 ? 0 : bytes[at + 3];
  let ip = at + 8;
  let type = next === 1 ? 0x0800 : next === 2 ? 0x86dd : 0;
  if (type === 0) {
    ip += 14;
    while (ip <= bytes.length && [0x8100, 0x88a8].includes(at16(bytes, ip - 2))) ip += 4;
    if (ip > bytes.length) return -1;
    type = at16(bytes, ip - 2);
  }
  const first = bytes[ip] ?? 0;
  let payload = -1;
  if (type === 0x0800 && ip + 20 <= bytes.length && first >>> 4 === 4 && bytes[ip + 9] === 17) {
    if ((first & 15) >= 5 && (at16(bytes, ip + 6) & 0x1fff) === 0) payload = ip + (first & 15) * 4 + 8;
  } else if (type === 0x86dd && ip + 40 <= bytes.length && first >>> 4 === 6 && bytes[ip + 6] === 17) {
    payload = ip + 48;
  }
  return payload <= bytes.length ? payload : -1;
}

/** Whether it is in four tunnels already. */
function isTooDeep({ bytes, found }: Frame): boolean {
  if ((found.shape & shape.SHAPE_UDP) === 0) return false;
  let layers = 0;
  for (let at = found.payload; at >= 0; at = innerPayload(bytes, at)) {
    if (at + 8 > bytes.length || ((bytes[at] ?? 0) & 8) === 0) return false;
    if (++layers === 4) return true;
  }
  return false;
}

/** What becomes of a frame under a record, or the reason for which it goes no further. */
function dueOf(sending: Sending, frame: Frame, record: TunnelRecord): Due | ReasonName {
  if (isTooDeep(frame)) return 'nested-tunnels';
  const { bytes, found, gsoType, gsoSize } = frame;
  const outer = outerOf(sending, frame, record);
  const { header, strip } = headerOf(sending, frame, record);
  const inTunnel = (packet: Uint8Array): Uint8Array => Uint8Array.from(Buffer.concat([header, packet.subarray(strip)]));
  const due = { outer, flow: `${flowOf(found)} to ${JSON.stringify(record)}` };
  if (gsoType === 0) {
    if (8 + bytes.length - strip > LONGEST_PAYLOAD) return 'too-big';
    const payload = inTunnel(withChecksum(frame));
    return { ...due, payloads: [payload], count: 1, bytes: payload.length };
  }
  const fits =
    gsoType === 5
      ? (found.shape & shape.SHAPE_UDP) !== 0
      : (found.shape & shape.SHAPE_TCP) !== 0 &&
        (found.shape & ((gsoType & 0x7f) === 1 ? shape.SHAPE_IPV4 : shape.SHAPE_IPV6)) !== 0;
  const payload = found.end - found.payload;
  if (!fits || (found.shape & (shape.SHAPE_ODD | shape.SHAPE_FRAGMENT)) !== 0 || payload < 1) {
    return 'bad-super-frame';
  }
  const count = Math.ceil(payload / gsoSize);
  const block = 8 + found.payload - strip;
  if (
    sending.way === Way.WHOLE &&
    outer.ttl !== 255 &&
    isForTheKernel(frame) &&
    8 + bytes.length - strip <= LONGEST_PAYLOAD
  ) {
    const spelled = count <= SPELLED ? segmentsOf(frame).map(inTunnel) : [];
    const whole = { bytes: inTunnel(bytes), gsoType, gsoSize };
    return { ...due, payloads: spelled, count, bytes: payload + count * block, whole };
  }
  const longest = block + Math.min(gsoSize, payload);
  if (longest > LONGEST_PAYLOAD) return 'too-big';
  const entries = Math.ceil(count / Math.min(BUNDLE, Math.floor(LONGEST_PAYLOAD / longest)));
  const headers = count * ((block + (strip > 0 ? 16 : 0) + 15) & -16);
  if (entries > ENTRIES || count * 2 > PIECES || headers > HEADER_BYTES) return 'too-many-segments';
  return { ...due, payloads: segmentsOf(frame).map(inTunnel), count, bytes: payload + count * block };
}

/** What tells flows apart; what is no flow is one with all others that are none. */
function flowOf({ shape: layers, key }: Dissected): string {
  const isFlow =
    (layers & (shape.SHAPE_FRAGMENT | shape.SHAPE_ODD)) === 0 && (layers & (shape.SHAPE_TCP | shape.SHAPE_UDP)) !== 0;
  return isFlow ? [5, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18].map((word) => key[word]).join() : 'other';
}

const naively = (...words: number[]): number =>
  naiveSum(Uint8Array.from(words.flatMap((word) => [word >>> 8, word & 0xff])));

/** skb_checksum_help: the field holds what is not summed here, and what stands behind the IP packet is none of it. */
function withChecksum({ bytes, found, unfinished, csumStart, csumOffset }: Frame): Uint8Array {
  if (!unfinished) return bytes;
  const field = csumStart + csumOffset;
  const end = found.end >= field + 2 ? found.end : bytes.length;
  const sum = ~naiveSum(bytes.slice(csumStart, end)) & 0xffff;
  const changed = bytes.slice();
  put16(changed, field, sum === 0 && csumOffset === 6 ? 0xffff : sum);
  return changed;
}

/** The packets that a sound super-frame stands for (tcp_gso_segment, __udp_gso_segment), none of its fields believed. */
export function segmentsOf({ bytes, found, gsoSize, unfinished, csumStart, csumOffset }: Cuttable): Uint8Array[] {
  const { l3, l4, payload, end } = found;
  const four = (found.shape & shape.SHAPE_IPV4) !== 0;
  const tcp = (found.shape & shape.SHAPE_TCP) !== 0;
  const without = !tcp && !unfinished && at16(bytes, l4 + 6) === 0;
  const field = l4 + (tcp ? 16 : 6);
  const hidden = !four && (found.shape & shape.SHAPE_OPTIONS) !== 0 && unfinished;
  const packets: Uint8Array[] = [];
  for (let from = payload; from < end; from += gsoSize) {
    const n = packets.length;
    const isLast = from + gsoSize >= end;
    const packet = Uint8Array.from(
      Buffer.concat([bytes.subarray(0, payload), bytes.subarray(from, Math.min(end, from + gsoSize))]),
    );
    if (four) {
      put16(packet, l3 + 2, packet.length - l3);
      put16(packet, l3 + 4, at16(bytes, l3 + 4) + n);
      put16(packet, l3 + 10, 0);
      put16(packet, l3 + 10, ~naiveSum(packet.slice(l3, l4)));
    } else {
      put16(packet, l3 + 4, packet.length - l3 - 40);
    }
    if (tcp) {
      const view = new DataView(packet.buffer);
      view.setUint32(l4 + 4, (view.getUint32(l4 + 4) + (from - payload)) >>> 0);
      if (!isLast) packet[l4 + 13] = (packet[l4 + 13] ?? 0) & ~0x09;
      if (n > 0) packet[l4 + 13] = (packet[l4 + 13] ?? 0) & ~0x80;
    } else {
      put16(packet, l4 + 4, packet.length - l4);
    }
    put16(packet, field, 0);
    // Where a routing header may hide the destination there is but the sender's word for the addresses.
    const pseudo = hidden
      ? naively(
          at16(bytes, csumStart + csumOffset),
          0xffff - naively((end - l4) >>> 16, (end - l4) & 0xffff),
          packet.length - l4,
        )
      : naivePseudo(packet, { ...found, end: packet.length });
    const sum = ~naively(pseudo, naiveSum(packet.slice(l4))) & 0xffff;
    put16(packet, field, without ? 0 : sum === 0 && !tcp ? 0xffff : sum);
    packets.push(packet);
  }
  return packets;
}

/** Whether the kernel would make the same of it, which believes what the virtio-net header and the checksum field say. */
function isForTheKernel({ bytes, found, gsoType, gsoSize, unfinished, csumStart, csumOffset }: Frame): boolean {
  const isPlain = (found.shape & (shape.SHAPE_OPTIONS | shape.SHAPE_PADDED)) === 0;
  const offset = gsoType === 5 ? 6 : 16;
  const isField = unfinished && csumStart === found.l4 && csumOffset === offset;
  if (!isPlain || !isField || found.end - found.payload <= gsoSize) return false;
  return at16(bytes, csumStart + csumOffset) === naivePseudo(bytes, found);
}
