/**
 * Reads capture files: pcap (microseconds and nanoseconds, both byte orders) and pcapng, as draft-ietf-opsawg-pcap and
 * draft-ietf-opsawg-pcapng describe them, in memory or piece by piece. Nothing of a file is trusted.
 */
import { ByteWindow, type ReadBytes } from './byte-window.js';

/** Link types (LINKTYPE_*, registry of draft-ietf-opsawg-pcaplinktype) that are understood. */
export const LINKTYPE_NULL = 0;
export const LINKTYPE_ETHERNET = 1;
export const LINKTYPE_RAW = 101;
export const LINKTYPE_LOOP = 108;
export const LINKTYPE_LINUX_SLL = 113;
export const LINKTYPE_IPV4 = 228;
export const LINKTYPE_IPV6 = 229;
export const LINKTYPE_LINUX_SLL2 = 276;

/** A packet of a capture. */
export interface CapturedPacket {
  /** Its number in the file, from 1, as Wireshark counts. */
  readonly number: number;
  readonly linkType: number;
  /** Milliseconds since the epoch, with a fraction; 0 where the file does not say. */
  readonly time: number;
  /** What was kept of it: borrowed, of a file that is read piece by piece until the next packet. */
  readonly bytes: Uint8Array;
  /** Bytes that it had. */
  readonly length: number;
  /** Of pcapng: its comment, and the name of the interface. */
  readonly comment?: string;
  readonly interfaceName?: string;
}

/** The file is none, or breaks off. `message` says where. */
export class CaptureFormatError extends Error {
  override readonly name = 'CaptureFormatError';
}

const PCAP_MICROSECONDS = 0xa1b2c3d4;
const PCAP_NANOSECONDS = 0xa1b23c4d;
const PCAP_HEADER = 24;
const PCAP_RECORD = 16;

const SECTION_HEADER = 0x0a0d0d0a;
const INTERFACE_DESCRIPTION = 1;
const PACKET = 2;
const SIMPLE_PACKET = 3;
const ENHANCED_PACKET = 6;
const BYTE_ORDER_MAGIC = 0x1a2b3c4d;
const OPTION_COMMENT = 1;
const OPTION_IF_NAME = 2;
const OPTION_TSRESOL = 9;
const OPTION_TSOFFSET = 14;

/** The longest packet that is believed: more than any interface has. */
const LONGEST = 16 * 1024 * 1024;
/** With its header and options. */
const LONGEST_BLOCK = LONGEST + 1024 * 1024;

/** How compressed files begin, and what prints what is in them. */
const PACKERS = [
  { begins: 0x1f8b08, unpack: 'gzip -dc' },
  { begins: 0x28b52f, unpack: 'zstd -dc' },
  { begins: 0xfd377a, unpack: 'xz -dc' },
];

/** The packets of a file in memory, one after the other: their bytes are the file's. Throws CaptureFormatError where it is no capture, or breaks off. */
export function readCapture(file: Uint8Array): Generator<CapturedPacket> {
  return readPacketsOf(ByteWindow.over(file));
}

/**
 * The packets of a file that is read piece by piece, however long it is: bytes of a packet are borrowed until the next
 * one is asked for. Throws CaptureFormatError, behind the packets before that place.
 */
export function readCapturePieces(read: ReadBytes): Generator<CapturedPacket> {
  return readPacketsOf(ByteWindow.reading(read));
}

function* readPacketsOf(file: ByteWindow): Generator<CapturedPacket> {
  if (!file.has(4)) throw new CaptureFormatError('it is too short for a capture file');
  const magic = file.view.getUint32(0);
  if (magic === SECTION_HEADER) {
    yield* readBlocks(file);
    return;
  }
  for (const little of [false, true]) {
    const ordered = file.view.getUint32(0, little);
    if (ordered === PCAP_MICROSECONDS || ordered === PCAP_NANOSECONDS) {
      yield* readRecords(file, little, ordered === PCAP_MICROSECONDS ? 1e3 : 1e6);
      return;
    }
  }
  const packer = PACKERS.find(({ begins }) => magic >>> 8 === begins);
  if (packer) throw new CaptureFormatError(`it is compressed: \`${packer.unpack}\` has the capture`);
  throw new CaptureFormatError('it begins neither as a pcap nor as a pcapng file');
}

/** `perMs`: units of the second time field in a millisecond. */
function* readRecords(file: ByteWindow, little: boolean, perMs: number): Generator<CapturedPacket> {
  if (!file.has(PCAP_HEADER)) throw new CaptureFormatError('its header breaks off');
  // The upper bits of the field say how long a frame check sequence is.
  const linkType = file.view.getUint32(20, little) & 0xffff;
  file.at = PCAP_HEADER;
  for (let number = 1; file.has(1); number++) {
    const place = file.position;
    if (!file.has(PCAP_RECORD)) throw brokenOff(number, place);
    const kept = file.view.getUint32(file.at + 8, little);
    if (kept > LONGEST || !file.has(PCAP_RECORD + kept)) throw brokenOff(number, place);
    const { bytes, view, at } = file;
    file.at += PCAP_RECORD + kept;
    yield {
      number,
      linkType,
      time: view.getUint32(at, little) * 1000 + view.getUint32(at + 4, little) / perMs,
      bytes: bytes.subarray(at + PCAP_RECORD, at + PCAP_RECORD + kept),
      length: view.getUint32(at + 12, little),
    };
  }
}

interface CapturedInterface {
  readonly linkType: number;
  readonly snapLength: number;
  /** Units of its time stamps in a second. */
  readonly perSecond: bigint;
  /** Milliseconds to be added to them. */
  readonly offset: number;
  readonly name: string | undefined;
}

function* readBlocks(file: ByteWindow): Generator<CapturedPacket> {
  let little = false;
  let interfaces: CapturedInterface[] = [];
  let number = 0;
  while (file.has(1)) {
    const place = file.position;
    if (!file.has(12)) throw new CaptureFormatError(`its block at byte ${place} breaks off`);
    const isSection = file.view.getUint32(file.at) === SECTION_HEADER;
    if (isSection) {
      little = file.view.getUint32(file.at + 8, true) === BYTE_ORDER_MAGIC;
      interfaces = [];
    }
    const type = file.view.getUint32(file.at, little);
    const length = file.view.getUint32(file.at + 4, little);
    const isRead = [INTERFACE_DESCRIPTION, ENHANCED_PACKET, PACKET, SIMPLE_PACKET].includes(type);
    const isWhole = length >= 12 && length % 4 === 0 && (!isRead || (length <= LONGEST_BLOCK && file.has(length)));
    // Blocks of other kinds are passed over, however long they are.
    if (!isWhole || (!isRead && !file.skip(length)))
      throw new CaptureFormatError(`its block at byte ${place} breaks off, or has a wrong length`);
    if (!isRead) continue;
    const { bytes, view } = file;
    const body = file.at + 8;
    const end = file.at + length - 4;
    file.at += length;
    if (type === INTERFACE_DESCRIPTION) {
      if (end - body >= 8) interfaces.push(readInterface(bytes, view, body, end, little));
      continue;
    }
    number++;
    if (type === SIMPLE_PACKET) {
      const [from] = interfaces;
      if (!from || end - body < 4) throw brokenOff(number, place);
      const original = view.getUint32(body, little);
      const kept = Math.min(original, end - body - 4, from.snapLength || original);
      yield {
        number,
        linkType: from.linkType,
        time: 0,
        bytes: bytes.subarray(body + 4, body + 4 + kept),
        length: original,
      };
      continue;
    }
    if (end - body < 20) throw brokenOff(number, place);
    const which = type === PACKET ? view.getUint16(body, little) : view.getUint32(body, little);
    const from = interfaces[which];
    const kept = view.getUint32(body + 12, little);
    if (!from) throw new CaptureFormatError(`its packet ${number} is of an interface that it does not describe`);
    if (kept > end - body - 20) throw brokenOff(number, place);
    const comment = type === PACKET ? undefined : commentOf(bytes, view, body + 20 + ((kept + 3) & ~3), end, little);
    const units = (BigInt(view.getUint32(body + 4, little)) << 32n) | BigInt(view.getUint32(body + 8, little));
    yield {
      number,
      linkType: from.linkType,
      time: millisecondsOf(units, from.perSecond) + from.offset,
      bytes: bytes.subarray(body + 20, body + 20 + kept),
      length: view.getUint32(body + 16, little),
      ...(comment !== undefined && { comment }),
      ...(from.name !== undefined && { interfaceName: from.name }),
    };
  }
}

function readInterface(
  file: Uint8Array,
  view: DataView,
  body: number,
  end: number,
  little: boolean,
): CapturedInterface {
  let perSecond = 1_000_000n;
  let offset = 0;
  let name: string | undefined;
  for (const { code, at, length } of optionsOf(view, body + 8, end, little)) {
    if (code === OPTION_TSRESOL && length >= 1) {
      const resolution = view.getUint8(at);
      // More than a stamp could count in a year is no resolution.
      perSecond = (resolution & 0x80 ? 2n : 10n) ** BigInt(Math.min(resolution & 0x7f, resolution & 0x80 ? 63 : 19));
    }
    if (code === OPTION_TSOFFSET && length >= 8) offset = Number(view.getBigInt64(at, little)) * 1000;
    if (code === OPTION_IF_NAME) name = textOf(file, at, length);
  }
  return {
    linkType: view.getUint16(body, little),
    snapLength: view.getUint32(body + 4, little),
    perSecond,
    offset,
    name,
  };
}

function commentOf(file: Uint8Array, view: DataView, from: number, end: number, little: boolean): string | undefined {
  for (const { code, at, length } of optionsOf(view, from, end, little)) {
    if (code === OPTION_COMMENT) return textOf(file, at, length);
  }
  return undefined;
}

/** Where the values of options stand, as far as they are whole. */
function* optionsOf(
  view: DataView,
  from: number,
  end: number,
  little: boolean,
): Generator<{ readonly code: number; readonly at: number; readonly length: number }> {
  for (let at = from; at + 4 <= end; ) {
    const code = view.getUint16(at, little);
    const length = view.getUint16(at + 2, little);
    if (code === 0 || at + 4 + length > end) return;
    yield { code, at: at + 4, length };
    at += 4 + length + ((4 - (length % 4)) % 4);
  }
}

function textOf(file: Uint8Array, at: number, length: number): string {
  return new TextDecoder().decode(file.subarray(at, at + length));
}

/** Whole seconds apart from the rest, which a number can then hold to the nanosecond's fraction of a millisecond. */
function millisecondsOf(units: bigint, perSecond: bigint): number {
  return Number(units / perSecond) * 1000 + (Number(units % perSecond) / Number(perSecond)) * 1000;
}

function brokenOff(number: number, at: number): CaptureFormatError {
  return new CaptureFormatError(`its packet ${number} (byte ${at}) breaks off`);
}
