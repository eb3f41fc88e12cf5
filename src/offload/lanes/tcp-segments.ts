import type { PacketIndex } from '../../memory/packets.js';
import { type Checksummer, finish } from '../../wire/checksum.js';
import {
  read16,
  read32,
  TCP_ACKNOWLEDGEMENT,
  TCP_CHECKSUM,
  TCP_CWR,
  TCP_DATA_OFFSET,
  TCP_FIN,
  TCP_FLAGS,
  TCP_PSH,
  TCP_SEQUENCE,
  TCP_URGENT,
  TCP_WINDOW,
  write16,
  write32,
} from '../header-fields.js';
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
    this.sequence = read32(u8, at + TCP_SEQUENCE);
    this.flags = u8[at + TCP_FLAGS];
    let sum = checksums.sum(at, TCP_SEQUENCE, u8[at + TCP_DATA_OFFSET] << 8);
    sum = checksums.sum(at + TCP_ACKNOWLEDGEMENT, 4, sum + read16(u8, at + TCP_WINDOW));
    this.headerSum = checksums.sum(at + TCP_URGENT, headerBytes - TCP_URGENT, sum);
  }

  complete(at: number, skipped: number, _bytes: number, last: boolean, sum: number): void {
    const u8 = this.checksums.u8;
    const sequence = (this.sequence + skipped) | 0;
    let flags = this.flags;
    if (skipped > 0) flags &= ~TCP_CWR;
    if (!last) flags &= ~(TCP_FIN | TCP_PSH);
    write32(u8, at + TCP_SEQUENCE, sequence);
    u8[at + TCP_FLAGS] = flags;
    const all = sum + this.headerSum + (sequence >>> 16) + (sequence & 0xffff) + flags;
    write16(u8, at + TCP_CHECKSUM, finish(all));
  }
}
