import type { PacketIndex } from '../../memory/packets.js';
import { i32, putU16, putU32, u16 } from '../../wire/bytes.js';
import { type Checksummer, finish } from '../../wire/checksum.js';
import {
  TCP_ACK,
  TCP_CHECKSUM,
  TCP_DATA_OFFSET,
  TCP_FLAG_CWR,
  TCP_FLAG_FIN,
  TCP_FLAG_PSH,
  TCP_FLAGS,
  TCP_SEQ,
  TCP_URGENT,
  TCP_WINDOW,
} from '../../wire/tcp.js';
import type { SegmentLane } from './segments.js';

/**
 * Segments of a TCP super-frame: consecutive sequence numbers; FIN and PSH belong to the last, CWR to the first
 * (net/ipv4/tcp_offload.c, tcp_gso_segment).
 */
export class TcpSegments implements SegmentLane {
  private readonly checksums: Checksummer;
  private sequence = 0;
  private flags = 0;
  /** The header without sequence number, flags and checksum. */
  private headerSum = 0;

  constructor(checksums: Checksummer) {
    this.checksums = checksums;
  }

  begin(_i: PacketIndex, at: number, headerBytes: number): void {
    const { checksums } = this;
    const u8 = checksums.u8;
    this.sequence = i32(u8, at + TCP_SEQ);
    this.flags = u8[at + TCP_FLAGS];
    let sum = checksums.sum(at, TCP_SEQ, u8[at + TCP_DATA_OFFSET] << 8);
    sum = checksums.sum(at + TCP_ACK, 4, sum + u16(u8, at + TCP_WINDOW));
    this.headerSum = checksums.sum(at + TCP_URGENT, headerBytes - TCP_URGENT, sum);
  }

  complete(at: number, skipped: number, _bytes: number, last: boolean, sum: number): void {
    const u8 = this.checksums.u8;
    const sequence = (this.sequence + skipped) | 0;
    let flags = this.flags;
    if (skipped > 0) flags &= ~TCP_FLAG_CWR;
    if (!last) flags &= ~(TCP_FLAG_FIN | TCP_FLAG_PSH);
    putU32(u8, at + TCP_SEQ, sequence);
    u8[at + TCP_FLAGS] = flags;
    const all = sum + this.headerSum + (sequence >>> 16) + (sequence & 0xffff) + flags;
    putU16(u8, at + TCP_CHECKSUM, finish(all));
  }
}
