/**
 * Writes pcapng (draft-ietf-opsawg-pcapng), little-endian: one section, an interface with nanoseconds for each source of
 * packets, described before its first packet, and packets with comments.
 */

const SECTION_HEADER = 0x0a0d0d0a;
const INTERFACE_DESCRIPTION = 1;
const INTERFACE_STATISTICS = 5;
const ENHANCED_PACKET = 6;
const BYTE_ORDER_MAGIC = 0x1a2b3c4d;

const END_OF_OPTIONS = 0;
const COMMENT = 1;
const SECTION_APPLICATION = 4;
const INTERFACE_NAME = 2;
const INTERFACE_TEXT = 3;
const INTERFACE_RESOLUTION = 9;
const PACKET_FLAGS = 2;
const STATISTICS_DROPPED = 7;
const NANOSECONDS = 9;
/** Longest option that has room in its length field, in bytes. */
const LONGEST_OPTION = 65_535;

export interface PcapngInterface {
  readonly name: string;
  readonly description: string;
  /** A LINKTYPE_*. */
  readonly linkType: number;
}

export interface PcapngPacket {
  /** Milliseconds since the epoch, with a fraction. */
  readonly time: number;
  /** Those of the packet that were kept. */
  readonly bytes: Uint8Array;
  /** Bytes that it had. */
  readonly length: number;
  readonly comment: string;
  readonly direction?: 'in' | 'out';
}

type Option = readonly [code: number, value: Uint8Array];

/** What a file begins with. */
export function pcapngSection(application: string): Uint8Array {
  const body = new Uint8Array(16);
  const view = new DataView(body.buffer);
  view.setUint32(0, BYTE_ORDER_MAGIC, true);
  view.setUint16(4, 1, true);
  // Nobody knows how long it will be.
  view.setBigInt64(8, -1n, true);
  return block(SECTION_HEADER, [body, options([[SECTION_APPLICATION, text(application)]])]);
}

/** Describes an interface, whose number is how many were described before. */
export function pcapngInterface({ name, description, linkType }: PcapngInterface, snapLength: number): Uint8Array {
  const body = new Uint8Array(8);
  const view = new DataView(body.buffer);
  view.setUint16(0, linkType, true);
  view.setUint32(4, snapLength, true);
  return block(INTERFACE_DESCRIPTION, [
    body,
    options([
      [INTERFACE_NAME, text(name)],
      [INTERFACE_TEXT, text(description)],
      [INTERFACE_RESOLUTION, Uint8Array.of(NANOSECONDS)],
    ]),
  ]);
}

/** A packet of an interface. */
export function pcapngPacket(on: number, { time, bytes, length, comment, direction }: PcapngPacket): Uint8Array {
  const head = new Uint8Array(20);
  const view = new DataView(head.buffer);
  view.setUint32(0, on, true);
  putTime(view, 4, time);
  view.setUint32(12, bytes.length, true);
  view.setUint32(16, length, true);
  const flags = direction === undefined ? [] : [[PACKET_FLAGS, word(direction === 'in' ? 1 : 2)] as const];
  return block(ENHANCED_PACKET, [
    head,
    bytes,
    new Uint8Array(padding(bytes.length)),
    options([[COMMENT, text(comment)], ...flags]),
  ]);
}

/** What an interface has lost, at the end; `time` in milliseconds since the epoch. */
export function pcapngLost(on: number, time: number, lost: number): Uint8Array {
  const body = new Uint8Array(12);
  const view = new DataView(body.buffer);
  view.setUint32(0, on, true);
  putTime(view, 4, time);
  const count = new Uint8Array(8);
  new DataView(count.buffer).setBigUint64(0, BigInt(lost), true);
  return block(INTERFACE_STATISTICS, [body, options([[STATISTICS_DROPPED, count]])]);
}

/** Whole seconds apart from the rest: no number holds all of the nanoseconds. */
function putTime(view: DataView, at: number, time: number): void {
  const seconds = Math.floor(time / 1000);
  const units = BigInt(seconds) * 1_000_000_000n + BigInt(Math.round((time - seconds * 1000) * 1e6));
  view.setUint32(at, Number(units >> 32n), true);
  view.setUint32(at + 4, Number(units & 0xffffffffn), true);
}

function block(type: number, parts: readonly Uint8Array[]): Uint8Array {
  const length = parts.reduce((sum, part) => sum + part.length, 12);
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, type, true);
  view.setUint32(4, length, true);
  let at = 8;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  view.setUint32(at, length, true);
  return bytes;
}

function options(list: readonly Option[]): Uint8Array {
  const length = list.reduce((sum, [, value]) => sum + 4 + value.length + padding(value.length), 4);
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const [code, value] of list) {
    view.setUint16(at, code, true);
    view.setUint16(at + 2, value.length, true);
    bytes.set(value, at + 4);
    at += 4 + value.length + padding(value.length);
  }
  view.setUint16(at, END_OF_OPTIONS, true);
  return bytes;
}

function padding(length: number): number {
  return -length & 3;
}

function text(value: string): Uint8Array {
  return new TextEncoder().encode(value).subarray(0, LONGEST_OPTION);
}

function word(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}
