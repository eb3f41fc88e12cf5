import { type PacketIndex, type Packets, UNFINISHED } from '../../memory/packets.js';
import { putU16, u16 } from '../../wire/bytes.js';
import { type Checksummer, finish } from '../../wire/checksum.js';
import { UDP_CHECKSUM, UDP_HEADER, UDP_LENGTH } from '../../wire/udp.js';
import type { SegmentLane } from './segments.js';

/**
 * Segments of a UDP super-frame: datagrams of their own (net/ipv4/udp_offload.c, __udp_gso_segment). Where the
 * super-frame carries no checksum (0, and nothing left to finish) its datagrams carry none.
 */
export class UdpSegments implements SegmentLane {
  private readonly packets: Packets;
  private readonly checksums: Checksummer;
  private ports = 0;
  private without = false;

  constructor(packets: Packets, checksums: Checksummer) {
    this.packets = packets;
    this.checksums = checksums;
  }

  begin(i: PacketIndex, at: number): void {
    this.ports = this.checksums.sum(at, UDP_LENGTH, 0);
    this.without = (this.packets.flags[i] & UNFINISHED) === 0 && u16(this.checksums.u8, at + UDP_CHECKSUM) === 0;
  }

  complete(at: number, _skipped: number, bytes: number, _last: boolean, sum: number): void {
    const u8 = this.checksums.u8;
    const length = UDP_HEADER + bytes;
    putU16(u8, at + UDP_LENGTH, length);
    const checksum = this.without ? 0 : finish(sum + this.ports + length) || 0xffff;
    putU16(u8, at + UDP_CHECKSUM, checksum);
  }
}
