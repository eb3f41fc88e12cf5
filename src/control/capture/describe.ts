/** A captured record as a file has it, and as people read it. */
import { CapturePoint, type CaptureRecord } from '../../memory/capture-ring.js';
import { FrameKind } from '../../memory/drop-ring.js';
import type { Reason } from '../../memory/reasons.js';
import { LINKTYPE_ETHERNET, LINKTYPE_RAW } from '../../observe/captures/capture-reader.js';
import type { PcapngInterface, PcapngPacket } from '../../observe/captures/pcapng-writer.js';
import { clockWord, printDropRule } from '../../observe/drops.js';
import { ETH_HEADER } from '../../wire/ethernet.js';
import { VXLAN_HEADER, vxlanVni } from '../../wire/vxlan.js';
import { frameWords, outerAddresses, vniOf } from '../frame-words.js';
import type { RulePlace } from '../rule-places.js';
import { outerHeader } from './outer-header.js';

export interface Described {
  readonly on: PcapngInterface;
  readonly packet: PcapngPacket;
  /** One line, without its newline. */
  readonly line: string;
}

interface Point {
  readonly name: string;
  readonly description: (device: string) => string;
  readonly direction?: 'in' | 'out';
}

const POINTS: Readonly<Record<number, Point>> = {
  [CapturePoint.UNDERLAY_IN]: {
    name: 'underlay-in',
    description: (device) =>
      `datagrams as they come from the underlay for ${device}; outer headers made from metadata, no UDP checksum`,
    direction: 'in',
  },
  [CapturePoint.DECAP]: {
    name: 'decap',
    description: (device) => `frames that ${device} has decapsulated, before its filters`,
    direction: 'in',
  },
  [CapturePoint.HOST]: {
    name: 'host',
    description: (device) => `frames that the host sends on ${device}, before any filter`,
    direction: 'in',
  },
  [CapturePoint.OUT]: {
    name: 'out',
    description: (device) => `frames that leave by ${device}, after all actions; not merged, not encapsulated`,
    direction: 'out',
  },
  [CapturePoint.UNDERLAY_OUT]: {
    name: 'underlay-out',
    description: (device) =>
      `datagrams that ${device} sends into the underlay; outer headers made from metadata, no UDP checksum`,
    direction: 'out',
  },
  [CapturePoint.DROP]: { name: 'drop', description: (device) => `what was dropped at ${device}` },
};

/** `device`: its name; `place`: where the rule that it met stands; `why`: the reason that the record names. */
export function describe(
  record: CaptureRecord,
  device: string,
  place: RulePlace | undefined,
  why: Reason | undefined,
): Described {
  const point = POINTS[record.point] ?? { name: `point-${record.point}`, description: () => '' };
  const { received, transmit, kind, bytes, length, time } = record;
  const tunnel = record.point === CapturePoint.UNDERLAY_OUT ? transmit : received;
  const isDatagram = kind === FrameKind.DATAGRAM && tunnel !== undefined;
  const header = isDatagram ? outerHeader(tunnel, length, tunnel === transmit) : new Uint8Array(0);
  const name = `${device} ${point.name}`;
  const comment = commentOf(record, place, why);
  const isRaw = record.point === CapturePoint.DROP && isDatagram;
  return {
    on: {
      name: isRaw ? `${name} underlay` : name,
      description: isRaw ? `${point.description(device)} before there was a frame` : point.description(device),
      linkType: isDatagram ? LINKTYPE_RAW : LINKTYPE_ETHERNET,
    },
    packet: {
      time,
      bytes: isDatagram ? Buffer.concat([header, bytes]) : bytes,
      length: header.length + length,
      comment,
      ...(point.direction && { direction: point.direction }),
    },
    line: [clock(time), name, comment, wordsOf(record)].filter((word) => word !== '').join('  '),
  };
}

/** VNI, outer addresses, rule, reason: as far as they are known. */
function commentOf(
  { received, transmit, point, kind, bytes, rule }: CaptureRecord,
  place: RulePlace | undefined,
  why: Reason | undefined,
): string {
  const isSent = point === CapturePoint.UNDERLAY_OUT;
  const parts: string[] = [];
  const first = isSent ? transmit : received;
  if (first) {
    const hasHeader = kind === FrameKind.DATAGRAM && bytes.length >= VXLAN_HEADER;
    const vni = hasHeader ? vxlanVni(bytes, 0) : vniOf(first);
    const { source, destination } = outerAddresses(first);
    if (vni !== undefined) parts.push(`vni ${vni}`);
    parts.push(`outer ${source} > ${destination}`);
  }
  const second = isSent ? received : transmit;
  if (second) {
    const { source, destination } = outerAddresses(second);
    const vni = vniOf(second);
    parts.push(
      isSent
        ? `came with vni ${vni} from ${source}`
        : `to be sent to ${destination}${vni === undefined ? '' : ` with vni ${vni}`}`,
    );
  }
  if (place) parts.push(printDropRule(place));
  else if (rule >= 0) parts.push('rule gone meanwhile');
  if (why) parts.push(`${why.verdict} ${why.name}: ${why.sentence}`);
  return parts.join(', ');
}

function wordsOf({ kind, bytes, length }: CaptureRecord): string {
  if (kind === FrameKind.NONE) return '';
  if (kind === FrameKind.FRAME) return frameWords(bytes, length);
  if (length < VXLAN_HEADER + ETH_HEADER) return `UDP payload of ${length} bytes`;
  return frameWords(bytes.subarray(VXLAN_HEADER), length - VXLAN_HEADER);
}

function clock(time: number): string {
  return `${clockWord(time).slice(0, 8)}.${`${Math.floor((time % 1000) * 1000)}`.padStart(6, '0')}`;
}
