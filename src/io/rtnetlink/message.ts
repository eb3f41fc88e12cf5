/**
 * Netlink messages: writing requests, and walking what comes back. Every walk is bounded by the bytes at hand; a
 * length that cannot be ends it. Control path: plain objects and copies.
 */
import { Nlmsghdr, Rtattr } from '../../native/structs.js';

const align4 = (bytes: number): number => (bytes + 3) & -4;

/** A request in the making: header, the family's fixed part, attributes. */
export class MessageWriter {
  private readonly bytes = new Uint8Array(4096);
  private readonly view = new DataView(this.bytes.buffer);
  private used: number;

  /** `fixed` bytes follow the header (struct ifinfomsg, struct rtmsg), all zero until set. */
  constructor(type: number, flags: number, sequence: number, fixed: number) {
    this.view.setUint16(Nlmsghdr.TYPE, type, true);
    this.view.setUint16(Nlmsghdr.FLAGS, flags, true);
    this.view.setUint32(Nlmsghdr.SEQUENCE, sequence, true);
    this.used = Nlmsghdr.SIZE + align4(fixed);
  }

  /** Sets one byte of the fixed part. */
  fixed8(at: number, value: number): this {
    this.view.setUint8(Nlmsghdr.SIZE + at, value);
    return this;
  }

  /** Sets 32 bits of the fixed part. */
  fixed32(at: number, value: number): this {
    this.view.setInt32(Nlmsghdr.SIZE + at, value, true);
    return this;
  }

  attribute(type: number, data: Uint8Array): this {
    const length = Rtattr.SIZE + data.length;
    if (this.used + align4(length) > this.bytes.length) throw new RangeError('rtnetlink: the request is too long');
    this.view.setUint16(this.used + Rtattr.LENGTH, length, true);
    this.view.setUint16(this.used + Rtattr.TYPE, type, true);
    this.bytes.set(data, this.used + Rtattr.SIZE);
    this.used += align4(length);
    return this;
  }

  attribute32(type: number, value: number): this {
    const data = new DataView(new ArrayBuffer(4));
    data.setInt32(0, value, true);
    return this.attribute(type, new Uint8Array(data.buffer));
  }

  /** Text with its terminating zero. */
  attributeText(type: number, text: string): this {
    return this.attribute(type, Buffer.from(`${text}\0`));
  }

  finish(): Uint8Array {
    this.view.setUint32(Nlmsghdr.LENGTH, this.used, true);
    return this.bytes.subarray(0, this.used);
  }
}

export interface Message {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  /** What follows the header. */
  readonly body: Uint8Array;
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** The messages in `bytes`; a message that says it is longer than that, or shorter than its header, ends the list. */
export function readMessages(bytes: Uint8Array): Message[] {
  const view = viewOf(bytes);
  const messages: Message[] = [];
  let at = 0;
  while (at + Nlmsghdr.SIZE <= bytes.length) {
    const length = view.getUint32(at + Nlmsghdr.LENGTH, true);
    if (length < Nlmsghdr.SIZE || length > bytes.length - at) break;
    messages.push({
      type: view.getUint16(at + Nlmsghdr.TYPE, true),
      flags: view.getUint16(at + Nlmsghdr.FLAGS, true),
      sequence: view.getUint32(at + Nlmsghdr.SEQUENCE, true),
      body: bytes.subarray(at + Nlmsghdr.SIZE, at + length),
    });
    at += align4(length);
  }
  return messages;
}

/** NLA_F_NESTED and NLA_F_NET_BYTEORDER do not belong to the type. */
const TYPE_MASK = 0x3fff;

/** The attributes in `bytes`, in their order; a bad length ends the walk. */
export function* eachAttribute(bytes: Uint8Array): Generator<[type: number, value: Uint8Array]> {
  const view = viewOf(bytes);
  let at = 0;
  while (at + Rtattr.SIZE <= bytes.length) {
    const length = view.getUint16(at + Rtattr.LENGTH, true);
    if (length < Rtattr.SIZE || length > bytes.length - at) break;
    const type = view.getUint16(at + Rtattr.TYPE, true) & TYPE_MASK;
    yield [type, bytes.subarray(at + Rtattr.SIZE, at + length)];
    at += align4(length);
  }
}

/** The attributes in `bytes` by type; the last one of a type counts. */
export function readAttributes(bytes: Uint8Array): Map<number, Uint8Array> {
  return new Map(eachAttribute(bytes));
}

/** A 32-bit attribute; undefined where it is missing or too short. */
export function number32(attribute: Uint8Array | undefined): number | undefined {
  return attribute === undefined || attribute.length < 4 ? undefined : viewOf(attribute).getInt32(0, true);
}

/** A text attribute up to its zero; undefined where it is missing. */
export function text(attribute: Uint8Array | undefined): string | undefined {
  if (attribute === undefined) return undefined;
  const end = attribute.indexOf(0);
  return Buffer.from(end < 0 ? attribute : attribute.subarray(0, end)).toString();
}
