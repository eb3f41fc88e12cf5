/** What `vtep trace` is asked about: a flow in words, a packet in hexadecimal, or one of a capture. */
import { AT_EGRESS } from '../../actions/outlet.js';
import { CommandError } from '../../iproute/commands.js';
import { type CapturedPacket, LINKTYPE_ETHERNET } from '../../observe/captures/capture-reader.js';
import { ETH_HEADER } from '../../wire/ethernet.js';
import { IPV4_HEADER, ipVersion, ipv4TotalLength } from '../../wire/ipv4.js';
import { IPV6_HEADER, ipv6PayloadLength } from '../../wire/ipv6.js';
import { ipPacketIn } from '../link-layer.js';
import type { LocalEndpoint } from '../local-endpoint.js';
import { type Arrival, flowArrival, type Place, takePlace } from './flow-words.js';

/** Reads the packets of a capture file. */
export type Captures = (file: string) => Iterable<CapturedPacket>;

/** Longest frame or packet. */
const LONGEST = 65_536;

function refuse(text: string): CommandError {
  return new CommandError(`vtep: ${text}`, 1);
}

/** Throws CommandError, which names the word. `time`: that of a capture's packet, milliseconds since the epoch. */
export function readArrival(
  endpoint: LocalEndpoint,
  words: readonly string[],
  captures: Captures,
): { readonly arrival: Arrival; readonly time?: number } {
  const { place, rest } = takePlace(endpoint, words);
  const [form, ...more] = rest;
  if (form === 'hex') return { arrival: arrivalOf(place, hexBytes(more.join(''))) };
  if (form === 'pcap') {
    const { bytes, linkType, time } = packetOf(more, captures);
    return { arrival: arrivalOf(place, bytes, linkType), time };
  }
  if (!place) {
    const told = form === undefined ? 'nothing is said' : `"${form}" is not understood`;
    throw refuse(`${told}: say "dev NAME" and what comes in there, "hex …" or "pcap FILE" (vtep help trace)`);
  }
  return { arrival: flowArrival(place, rest) };
}

function hexBytes(text: string): Uint8Array {
  const digits = text.replace(/0x|[\s:.,]/g, '');
  if (digits === '') throw refuse('"hex" needs the bytes of a packet');
  const odd = /[^0-9a-fA-F]/.exec(digits);
  if (odd) throw refuse(`"${odd[0]}" is no hexadecimal digit`);
  if (digits.length % 2 !== 0) throw refuse(`${digits.length} hexadecimal digits are no whole number of bytes`);
  if (digits.length / 2 > LONGEST) throw refuse(`a packet has ${LONGEST} bytes at most`);
  return Uint8Array.from(Buffer.from(digits, 'hex'));
}

function packetOf(words: readonly string[], captures: Captures): CapturedPacket {
  const [file, keyword, number = '1', ...rest] = words;
  if (file === undefined) throw refuse('"pcap" needs a file');
  if (keyword !== undefined && keyword !== 'packet')
    throw refuse(`"${keyword}" is not understood: pcap FILE [packet N]`);
  if (rest[0] !== undefined) throw refuse(`"${rest[0]}" is not understood: pcap FILE [packet N]`);
  if (!/^[1-9]\d{0,9}$/.test(number) || (keyword !== undefined && words[2] === undefined)) {
    throw refuse(`"${words[2] ?? 'packet'}": packets are counted from 1 on`);
  }
  let last = 0;
  for (const packet of captures(file)) {
    if (packet.number === Number(number)) return packet;
    last = packet.number;
  }
  throw refuse(`${file} has ${last} packets, and no packet ${number}`);
}

/** `linkType`: of a capture; undefined: a frame, or an IP packet. */
function arrivalOf(place: Place | undefined, bytes: Uint8Array, linkType?: number): Arrival {
  const isFromHost = place !== undefined && (place.direction === AT_EGRESS || place.device.kind === 'tap');
  if (!isFromHost) {
    const isPacket = linkType === undefined && isWholePacket(bytes);
    const packet = isPacket ? bytes : ipPacketIn(linkType ?? LINKTYPE_ETHERNET, bytes);
    if (!packet) throw refuse('what comes from the underlay is an IP packet, and this holds none');
    return { from: 'underlay', bytes: packet };
  }
  const { device } = place;
  if (linkType !== undefined && linkType !== LINKTYPE_ETHERNET) {
    throw refuse(`what the host sends on ${device.name} has an Ethernet header; the capture's packets have none`);
  }
  if (bytes.length < ETH_HEADER) {
    throw refuse(`what the host sends on ${device.name} begins with the ${ETH_HEADER} bytes of an Ethernet header`);
  }
  return { from: 'host', device, bytes };
}

/** Whether it begins with an IP header whose length fits, rather than with an Ethernet header. */
function isWholePacket(bytes: Uint8Array): boolean {
  if (bytes.length < IPV4_HEADER) return false;
  if (ipVersion(bytes, 0) === 4)
    return ipv4TotalLength(bytes, 0) <= bytes.length && ipv4TotalLength(bytes, 0) >= IPV4_HEADER;
  return (
    ipVersion(bytes, 0) === 6 &&
    bytes.length >= IPV6_HEADER &&
    IPV6_HEADER + ipv6PayloadLength(bytes, 0) <= bytes.length
  );
}
