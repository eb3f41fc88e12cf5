/** Writes pcap files with nanoseconds, as draft-ietf-opsawg-pcap describes them, in big-endian order. */

const MAGIC = 0xa1b23c4d;
/** Bytes of the longest packet that is kept: all there are. */
const SNAP_LENGTH = 262_144;

/** What a pcap file begins with. `linkType` is a LINKTYPE_*. */
export function pcapHeader(linkType: number): Uint8Array {
  const bytes = new Uint8Array(24);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC);
  view.setUint16(4, 2);
  view.setUint16(6, 4);
  view.setUint32(16, SNAP_LENGTH);
  view.setUint32(20, linkType);
  return bytes;
}

/** What stands before the `length` bytes of a packet; `time` in milliseconds since the epoch. */
export function pcapRecordHeader(time: number, length: number): Uint8Array {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  const seconds = Math.floor(time / 1000);
  const nanoseconds = Math.min(999_999_999, Math.round((time - seconds * 1000) * 1e6));
  view.setUint32(0, seconds);
  view.setUint32(4, nanoseconds);
  view.setUint32(8, length);
  view.setUint32(12, length);
  return bytes;
}
