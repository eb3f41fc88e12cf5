/** The ways in which a sending leaves, each of which tells what left. */
import type { Underlay } from '../../src/io/device.js';
import { openHandover } from '../../src/io/handover/pair.js';
import { LOOPBACK4, LOOPBACK6, readable } from '../../src/io/testing/loopback.js';
import { TunnelGso } from '../../src/io/tunnel-gso/tunnel-gso.js';
import { openUdpSockets, type UdpSockets } from '../../src/io/udp/sockets.js';
import { UdpUnderlay } from '../../src/io/udp/underlay.js';
import { Arena } from '../../src/memory/arena.js';
import { GSO_NONE } from '../../src/memory/packets.js';
import { ReceivedDatagrams } from '../../src/memory/received.js';
import { TUNNEL_WORDS, TunnelWord } from '../../src/memory/tunnel.js';
import type { DatagramVector } from '../../src/memory/vectors.js';
import { must } from '../../src/native/errno.js';
import { read } from '../../src/native/libc.js';
import { NativeBuffer } from '../../src/native/scratch.js';
import { datagramsOf, outerOfRecord, type Sent, sentWhole } from './sent-packets.js';
import { hold } from './target.js';

/** An underlay that nothing comes in by, and what it has sent. */
abstract class SentUnderlay implements Underlay {
  readonly receiveFds: readonly number[] = [];
  readonly sent: Sent[] = [];
  protected readonly arena: Arena;

  constructor(arena: Arena) {
    this.arena = arena;
  }

  receive(): number {
    return 0;
  }

  takeOverflow(): number {
    return 0;
  }

  abstract send(vector: DatagramVector, tunnels: Int32Array): number;
}

/** Looks at the entries, and refuses some. */
export class RecordingUnderlay extends SentUnderlay {
  /** Every so manieth entry is refused; 0: none. */
  every = 0;
  errno = 0;
  private entries = 0;

  begin(every: number, errno: number): void {
    this.every = every;
    this.errno = errno;
    this.entries = 0;
    this.sent.splice(0);
  }

  send(vector: DatagramVector, tunnels: Int32Array): number {
    for (let m = 0; m < vector.count; m++) {
      const isRefused = this.every > 0 && ++this.entries % this.every === 0;
      // Of a bundle some may have gone out before, all of the full size.
      const before = isRefused ? (vector.segments[m] ?? 0) >> 1 : 0;
      vector.errno[m] = isRefused ? this.errno : 0;
      vector.sentBefore[m] = before;
      this.sent.push(...datagramsOf(this.arena, vector, m, tunnels, isRefused ? this.errno : 0, before));
    }
    return 1;
  }
}

/** The port that stands for the device's own. */
export const OWN_PORT = 4789;
const SOURCE4 = 0x7f000001;

/** As with `--tunnel-gso`: super-frames are written in one piece, to a socket pair instead of a TAP. */
export class WholeUnderlay extends SentUnderlay {
  private readonly gso: TunnelGso;
  private readonly written: number;
  private readonly room = new NativeBuffer(1 << 17);

  constructor(arena: Arena) {
    super(arena);
    const { sendFd, receiveFd } = openHandover(1 << 20);
    this.written = receiveFd;
    this.gso = new TunnelGso(arena, {
      ...{ fd: sendFd, ifindex: 1, address: Uint8Array.of(2, 0, 0, 0, 0, 1), families: [4, 6] },
    });
  }

  /** As ForwardPaths would: every way is known, and what the record leaves to the host is filled in. */
  takesSuperFrames(tunnels: Int32Array, record: number): boolean {
    if (tunnels[record + TunnelWord.TTL] === 255) return false;
    tunnels[record + TunnelWord.TTL] ||= 64;
    if (tunnels[record + TunnelWord.FAMILY] === 4) tunnels[record + TunnelWord.SRC_IP] ||= SOURCE4;
    else tunnels[record + TunnelWord.SRC_IP + 3] ||= 1;
    return true;
  }

  send(vector: DatagramVector, tunnels: Int32Array): number {
    for (let m = 0; m < vector.count; m++) {
      vector.errno[m] = 0;
      vector.sentBefore[m] = 0;
      if (vector.gsoType[m] === GSO_NONE) {
        this.sent.push(...datagramsOf(this.arena, vector, m, tunnels));
        continue;
      }
      const record = (vector.destination[m] ?? 0) * TUNNEL_WORDS;
      const from = 0xc000 | ((vector.hash[m] ?? 0) >>> 18);
      const to = tunnels[record + TunnelWord.DST_PORT] || OWN_PORT;
      vector.errno[m] = this.gso.send(vector, m, tunnels, record, from, to);
      hold(vector.errno[m] === 0, () => `the write of a super-frame failed with ${vector.errno[m]}`);
      const bytes = must(read(this.written, this.room.address, this.room.bytes.length), 'read');
      const sent = sentWhole(this.room.bytes.slice(0, bytes), OWN_PORT);
      this.sent.push({ ...sent, entropy: vector.hash[m] ?? 0 });
      hold(sent.entropy === from, 'the outer source port is another one');
    }
    return vector.count;
  }
}

const BATCH = 64;
const SOURCE_PORTS = 4;

/** Through UDP sockets to a socket of the same host, which tells what has come. */
export class SocketUnderlay extends SentUnderlay {
  private readonly underlay: UdpUnderlay;
  private readonly receiver: UdpUnderlay;
  private readonly batch: ReceivedDatagrams;
  private readonly received: Arena;
  private readonly families: readonly number[];

  /** Throws where there is no loopback. */
  constructor(arena: Arena) {
    super(arena);
    const four = openSockets(4);
    let six: UdpSockets | undefined;
    try {
      six = openSockets(6);
    } catch {
      // A host without IPv6: what is for it goes another way.
    }
    const sockets = six === undefined ? [four] : [four, six];
    this.families = sockets.map(({ family }) => family);
    this.underlay = new UdpUnderlay(arena, sockets, { receive: BATCH, send: 256 });
    this.received = new Arena(8 << 20);
    this.batch = new ReceivedDatagrams(this.received, BATCH, 0);
    this.receiver = new UdpUnderlay(this.received, sockets, { receive: BATCH, send: 1 });
  }

  carries(family: number): boolean {
    return this.families.includes(family);
  }

  send(vector: DatagramVector, tunnels: Int32Array): number {
    const calls = this.underlay.send(vector, tunnels);
    const due = this.families.map(() => 0);
    for (let m = 0; m < vector.count; m++) {
      const outer = outerOfRecord(tunnels, (vector.destination[m] ?? 0) * TUNNEL_WORDS);
      hold(
        vector.errno[m] === 0,
        () => `a socket of the host refused with ${vector.errno[m]}: ${JSON.stringify(outer)}`,
      );
      const which = this.families.indexOf(outer.family);
      due[which] = (due[which] ?? 0) + (vector.segments[m] ?? 0);
    }
    due.forEach((count, which) => {
      this.collect(which, count);
    });
    return calls;
  }

  private collect(which: number, count: number): void {
    const { batch, received, receiver } = this;
    for (let left = count; left > 0; ) {
      hold(readable(receiver.receiveFds[which] ?? -1), () => `${left} of ${count} datagrams never came`);
      must(receiver.receive(which, batch), 'receive');
      for (let i = 0; i < batch.count; i++) {
        const outer = outerOfRecord(batch.tunnels, i * TUNNEL_WORDS);
        const from = batch.offset[i] ?? 0;
        const bytes = received.u8.slice(from, from + (batch.length[i] ?? 0));
        const size = batch.segmentSize[i] || bytes.length;
        for (let at = 0; at < bytes.length; at += size, left--) {
          const entropy = batch.tunnels[i * TUNNEL_WORDS + TunnelWord.SRC_PORT] ?? 0;
          this.sent.push({ outer: { ...outer, port: 0 }, payload: bytes.slice(at, at + size), entropy, lost: 0 });
        }
      }
      hold(left >= 0, 'more came than was sent');
    }
  }
}

function openSockets(family: 4 | 6): UdpSockets {
  return openUdpSockets({
    ...{ family, port: 0, local: family === 4 ? LOOPBACK4 : LOOPBACK6, udp6ZeroChecksumReceive: true },
    ...{ receiveBuffer: 4 << 20, sendBuffer: 4 << 20, sourcePorts: SOURCE_PORTS },
  });
}
