/**
 * A worker's queue of a TAP as a frame port. The virtio-net header that stands before each frame is read into the slot's
 * headroom, so the frame itself begins at the slot's aligned start; a frame to write is gathered from its iovecs.
 * One system call a frame is what the driver offers, which is why frames are merged before they get here.
 */

import type { Arena } from '../../memory/arena.js';
import {
  GSO_ECN,
  GSO_NONE,
  GSO_TCPV4,
  GSO_TCPV6,
  GSO_UDP_L4,
  NONE,
  type Packets,
  UNFINISHED,
} from '../../memory/packets.js';
import type { Slots } from '../../memory/received.js';
import type { FrameVector } from '../../memory/vectors.js';
import { EAGAIN, EINTR } from '../../native/errno.js';
import { read, writev } from '../../native/libc.js';
import { Iovec } from '../../native/structs.js';
import { VIRTIO_NET_HDR_F_NEEDS_CSUM, VnetHeader } from '../../native/tun-constants.js';
import { ETH_HEADER } from '../../wire/ethernet.js';
import { Addresses } from '../addresses.js';
import { type FramePort, VNET_HEADER_BYTES } from '../device.js';
import type { TapQueue } from './tap-queue.js';

/** Address tables of the slots and vectors of this thread: each is made at first use. */
const slotAddresses = new WeakMap<Slots, Addresses>();
const iovecAddresses = new WeakMap<FrameVector, Addresses>();

export class TapPort implements FramePort {
  readonly fd: number;
  private readonly writeFd: number;
  /** Frames shorter than an Ethernet header that the host handed over, since the start: dropped. */
  short = 0;
  /**
   * Frames, since the start, whose virtio-net header cannot be (a checksum outside the frame, an unknown kind of
   * super-frame, one without a segment size), or that did not fit into a slot: dropped, for nobody could finish them.
   */
  malformed = 0;
  private readonly arena: Arena;

  /** The descriptors stay the caller's. Slots and vectors must live in the arena given. */
  constructor(arena: Arena, { readFd, writeFd }: TapQueue) {
    this.arena = arena;
    this.fd = readFd;
    this.writeFd = writeFd;
  }

  read(packets: Packets, slots: Slots, firstSlot: number, limit: number): number {
    const addresses = slotAddresses.get(slots) ?? this.addressSlots(slots);
    const room = slots.size + VNET_HEADER_BYTES;
    if (this.fd < 0) return 0;
    let frames = 0;
    // Every read counts against the limit, so that a flood of unusable frames cannot hold the worker.
    for (let reads = 0; reads < limit; reads++) {
      const slot = firstSlot + frames;
      if (slot >= slots.count || packets.count === packets.capacity) break;
      const bytes = read(this.fd, addresses.at(slot), room);
      if (bytes < 0) {
        if (frames > 0 || bytes === -EAGAIN || bytes === -EINTR) break;
        return bytes;
      }
      // A read that fills the slot may have been cut.
      if (bytes >= room) this.malformed++;
      else if (bytes < VNET_HEADER_BYTES + ETH_HEADER) this.short++;
      else if (takeFrame(this.arena, packets, slots.data(slot), bytes - VNET_HEADER_BYTES)) frames++;
      else this.malformed++;
    }
    return frames;
  }

  write(vector: FrameVector): void {
    const addresses = iovecAddresses.get(vector) ?? this.addressIovecs(vector);
    const { count, iovecStart, iovecCount, errno } = vector;
    for (let f = 0; f < count; f++) {
      const written = writev(this.writeFd, addresses.at(iovecStart[f]), iovecCount[f]);
      errno[f] = written < 0 ? -written : 0;
    }
  }

  private addressSlots(slots: Slots): Addresses {
    const stride = slots.data(1) - slots.data(0);
    const addresses = new Addresses(this.arena, slots.data(0) - VNET_HEADER_BYTES, stride, slots.count);
    slotAddresses.set(slots, addresses);
    return addresses;
  }

  private addressIovecs(vector: FrameVector): Addresses {
    const addresses = new Addresses(this.arena, vector.iovecs.at(0), Iovec.SIZE, vector.iovecs.capacity);
    iovecAddresses.set(vector, addresses);
    return addresses;
  }
}

function isKnownGso(gsoType: number): boolean {
  const kind = gsoType & ~GSO_ECN;
  return kind === GSO_TCPV4 || kind === GSO_TCPV6 || gsoType === GSO_UDP_L4;
}

/** Takes a packet for the frame at `frame`, whose virtio-net header stands before it; false where that is bad. */
export function takeFrame(arena: Arena, packets: Packets, frame: number, length: number): boolean {
  const { u8, u16 } = arena;
  const header = frame - VNET_HEADER_BYTES;
  const unfinished = (u8[header + VnetHeader.FLAGS] & VIRTIO_NET_HDR_F_NEEDS_CSUM) !== 0;
  const csumStart = u16[(header + VnetHeader.CSUM_START) >> 1];
  const csumOffset = u16[(header + VnetHeader.CSUM_OFFSET) >> 1];
  if (unfinished && (csumStart < ETH_HEADER || csumStart + csumOffset + 2 > length)) return false;
  const gsoType = u8[header + VnetHeader.GSO_TYPE];
  const gsoSize = u16[(header + VnetHeader.GSO_SIZE) >> 1];
  if (gsoType !== GSO_NONE && (gsoSize === 0 || !isKnownGso(gsoType))) return false;
  const packet = packets.take(frame, length);
  if (packet === NONE) return false;
  if (unfinished) {
    packets.flags[packet] = UNFINISHED;
    packets.csumStart[packet] = csumStart;
    packets.csumOffset[packet] = csumOffset;
  }
  if (gsoType !== GSO_NONE) {
    packets.gsoType[packet] = gsoType;
    packets.gsoSize[packet] = gsoSize;
  }
  return true;
}
