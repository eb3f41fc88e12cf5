/**
 * What must become of a burst, said slowly: datagram by datagram, in the order of RFC 7348 and the kernel's vxlan_rcv, with
 * the dissector's oracle. Shares no code with the datapath but constants and that oracle.
 */
import { Verdict } from '../../src/actions/program.js';
import { type Dissected, dissectSlowly } from '../../src/classifier/dissect-oracle.js';
import { KeyWord } from '../../src/classifier/flow-key.js';
import { gact, type HookRule, redirect, TAP0, TAP1, unset, VXLAN0 } from '../../src/dataplane/harness.test.helper.js';
import * as shape from '../../src/memory/packets.js';
import type { ReasonName } from '../../src/memory/reasons.js';
import { slowSegments } from '../../src/offload/test-segments.js';
import { type Burst, type Message, wholeOf } from './burst.js';
import { naivePseudo } from './naive-pseudo.js';

export const VNI = 4;
export const MTU = 1450;
export const OWN_MAC = Uint8Array.of(2, 0, 0, 0, 0, VXLAN0);

const toTap0 = [unset(), redirect(TAP0)];
const toTap1 = [unset(), redirect(TAP1)];
const { ENC_KEY_ID, IP_FLAGS, IP_PROTO, IP_VERSION, DST_PORT, NUM_OF_VLANS } = KeyWord;
const everything: HookRule = { device: VXLAN0, actions: toTap0 };

function when(match: Readonly<Record<number, number>>, actions: HookRule['actions']): HookRule {
  return { device: VXLAN0, match, actions };
}

/** A burst has one of these in force; a rule's number is its pref. */
export const RULE_SETS: readonly (readonly HookRule[])[] = [
  [everything],
  [when({ [IP_PROTO]: 6 }, toTap1), everything],
  [when({ [IP_VERSION]: 4, [DST_PORT]: 5201 }, [gact(Verdict.SHOT)]), everything],
  [when({ [IP_FLAGS]: 1 }, toTap1), when({ [IP_FLAGS]: 3 }, toTap1)],
  [when({ [IP_VERSION]: 4, [IP_PROTO]: 0 }, toTap1), when({ [IP_PROTO]: 17, [DST_PORT]: 53 }, toTap1), everything],
  [],
  [when({ [ENC_KEY_ID]: VNI }, toTap0), when({ [ENC_KEY_ID]: 5 }, [gact(Verdict.SHOT)])],
  [when({ [NUM_OF_VLANS]: 1 }, toTap1), when({ [NUM_OF_VLANS]: 2 }, toTap0)],
];

/** A frame that must come out. */
export interface Due {
  /** Of VXLAN0: the host's stack. */
  readonly device: number;
  readonly bytes: Uint8Array;
  readonly found: Dissected;
  /** Where its checksum is unfinished. */
  readonly unfinished: boolean;
  /** Payload bytes of the packets that it stands for; 0: it is a packet itself. */
  readonly gsoSize: number;
  /** Packets that it counts for. */
  readonly segments: number;
}

export interface Model {
  readonly reasons: Map<ReasonName, number>;
  readonly due: Due[];
  /** Bytes of UDP payload in all, and of what was dropped. */
  bytes: number;
  droppedBytes: number;
  /** Packets that the device counts as received. */
  received: number;
}

const at16 = (bytes: Uint8Array, at: number): number => ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);

/** RFC 6040, figure 4: what the inner field becomes, or why not. */
function ecnOf(inner: number, outer: number): number | 'drop' | 'log' {
  if (outer === 0) return inner;
  if (inner === 0) return outer === 3 ? 'drop' : 'log';
  if (inner === 3) return outer === 1 ? 'log' : 3;
  if (outer === 3) return 3;
  return inner === 2 && outer === 1 ? 1 : inner;
}

/** RFC 1624, equation 3: the checksum of a header of which one word changed. */
function updated(checksum: number, before: number, after: number): number {
  let sum = (~checksum & 0xffff) + (~before & 0xffff) + after;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

/** The frame with the ECN field carried over, or the reason for which it goes no further. */
function withEcn(frame: Uint8Array, outer: number, log: () => void): Uint8Array | 'drop' {
  const type = at16(frame, 12);
  if (type !== 0x0800 && type !== 0x86dd) return frame;
  const four = type === 0x0800;
  const word = at16(frame, 14);
  const inner = (four ? word : word >>> 4) & 3;
  const becomes = ecnOf(inner, outer);
  if (becomes === 'drop') return 'drop';
  if (becomes === 'log') log();
  if (becomes === 'log' || becomes === inner) return frame;
  const changed = frame.slice();
  const after = four ? (word & ~3) | becomes : (word & ~0x30) | (becomes << 4);
  changed[14] = after >>> 8;
  changed[15] = after;
  if (four) {
    const checksum = updated(at16(frame, 24), word, after);
    changed[24] = checksum >>> 8;
    changed[25] = checksum;
  }
  return changed;
}

/** Whether a message that has a segment size is one datagram nevertheless: its inner packet ends where it ends. */
function isOneDatagram(message: Uint8Array): boolean {
  let next = 8 + 14;
  for (;;) {
    if (message.length < next + 40) return false;
    const type = at16(message, next - 2);
    if (type === 0x8100 || type === 0x88a8) next += 4;
    else if (type === 0x0800) return next + at16(message, next + 2) === message.length;
    else if (type === 0x86dd) return next + 40 + at16(message, next + 4) === message.length;
    else return next === message.length;
  }
}

function matches(rule: HookRule, found: Dissected, vni: number): boolean {
  return Object.entries(rule.match ?? {}).every(([word, value]) =>
    Number(word) === ENC_KEY_ID ? vni === value : found.key[Number(word)] === value,
  );
}

export function modelOf(burst: Burst): Model {
  const model: Model = { reasons: new Map(), due: [], bytes: 0, droppedBytes: 0, received: 0 };
  for (const message of burst.messages) modelMessage(burst, message, model);
  return model;
}

function count(model: Model, reason: ReasonName, by = 1): void {
  model.reasons.set(reason, (model.reasons.get(reason) ?? 0) + by);
}

function modelMessage(burst: Burst, message: Message, model: Model): void {
  const whole = wholeOf(message);
  model.bytes += whole.length;
  if (message.truncated) {
    count(model, 'truncated-datagram');
    model.droppedBytes += whole.length;
    return;
  }
  const { segmentSize } = message;
  const isCut = segmentSize > 0 && segmentSize < whole.length;
  const isOne = isCut && isOneDatagram(whole);
  const size = isCut && !isOne ? segmentSize : Math.max(1, whole.length);
  let at = 0;
  do {
    const datagram = whole.slice(at, at + size);
    const reason = modelDatagram(burst, datagram, message.ecn, isOne ? segmentSize : 0, model);
    if (reason !== undefined) {
      count(model, reason);
      model.droppedBytes += datagram.length;
    }
    at += size;
  } while (at < whole.length);
}

/** The reason for which the datagram is dropped; undefined where a frame is due. */
function modelDatagram(
  burst: Burst,
  datagram: Uint8Array,
  ecn: number,
  innerSegment: number,
  model: Model,
): ReasonName | undefined {
  if (datagram.length < 8) return 'short-vxlan-header';
  const [flags = 0, a, b, c, d = 0, e = 0, f = 0, last] = datagram;
  if ((flags & 8) === 0) return 'no-vni-flag';
  const vni = (d << 16) | (e << 8) | f;
  if (burst.classic && vni !== VNI) return 'unknown-vni';
  if (flags !== 8 || a !== 0 || b !== 0 || c !== 0 || last !== 0) return 'reserved-bits';
  const inner = datagram.slice(8);
  if (inner.length === 0) return 'no-inner-frame';
  if (inner.length < 14) return 'short-inner-frame';
  const source = inner.slice(6, 12);
  if (Buffer.compare(source, OWN_MAC) === 0) return 'own-source-mac';
  if (burst.classic && ((at16(source, 0) & 0x100) !== 0 || source.every((byte) => byte === 0))) return 'bad-source-mac';
  const type = at16(inner, 12);
  if ((type === 0x0800 && inner.length < 34) || (type === 0x86dd && inner.length < 54)) return 'short-inner-ip';
  const frame = withEcn(inner, ecn, () => count(model, 'ecn-suspicious'));
  if (frame === 'drop') return 'ecn-not-ect-in-ce';
  if (!burst.up) return 'device-down';
  const due = dueOf(frame, innerSegment);
  model.received += due.segments;
  const rule = (RULE_SETS[burst.rules % RULE_SETS.length] ?? []).find((each) =>
    matches(each, due.found, burst.classic ? 0 : vni),
  );
  if (rule === undefined) count(model, 'unmatched', due.segments);
  const [first, second] = rule?.actions ?? [];
  if (rule !== undefined && second === undefined && first !== undefined) {
    // The one action is a drop, which counts packets; the caller counts one.
    count(model, 'action-drop', due.segments - 1);
    return 'action-drop';
  }
  model.due.push({ ...due, device: second?.a ?? VXLAN0 });
  return undefined;
}

function dueOf(bytes: Uint8Array, innerSegment: number): Due {
  const found = dissectSlowly(bytes);
  const plain: Due = { device: VXLAN0, bytes, found, unfinished: false, gsoSize: 0, segments: 1 };
  const tcp = (found.shape & shape.SHAPE_TCP) !== 0;
  const udp = (found.shape & shape.SHAPE_UDP) !== 0;
  if ((found.shape & (shape.SHAPE_ODD | shape.SHAPE_FRAGMENT)) !== 0 || (!tcp && !udp)) return plain;
  if (at16(bytes, found.l4 + (tcp ? 16 : 6)) !== naivePseudo(bytes, found)) return plain;
  const payload = found.end - found.payload;
  const gsoSize = tcp ? (found.end - found.l3 > MTU ? Math.max(1, MTU - (found.payload - found.l3)) : 0) : innerSegment;
  const segments = gsoSize === 0 || payload <= gsoSize ? 1 : Math.ceil(payload / gsoSize);
  return { ...plain, unfinished: true, gsoSize, segments };
}

/** The packets that a super-frame stands for; undefined where the oracle of segmentation does not know its headers. */
export function packetsOf({ bytes, found, gsoSize }: Due): Uint8Array[] | undefined {
  const hidden = shape.SHAPE_IPV6 | shape.SHAPE_OPTIONS;
  return (found.shape & hidden) === hidden ? undefined : slowSegments(bytes, gsoSize);
}
