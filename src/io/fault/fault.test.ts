import test from 'ava';
import { Arena } from '../../memory/arena.js';
import { GSO_TCPV4, Packets, UNFINISHED } from '../../memory/packets.js';
import { ReceivedDatagrams, Slots } from '../../memory/received.js';
import { TUNNEL_WORDS, TunnelWord } from '../../memory/tunnel.js';
import { DatagramVector, FrameVector } from '../../memory/vectors.js';
import { EAFNOSUPPORT, EIO, ENOBUFS, EPERM } from '../../native/errno.js';
import { FakePort } from '../fake/fake-port.js';
import { FakeUnderlay, segmentsOf } from '../fake/fake-underlay.js';
import { FaultPort } from './fault-port.js';
import { FaultUnderlay } from './fault-underlay.js';

/** Adds the iovecs of `parts` to a vector's, and says where they begin. */
function put(arena: Arena, vector: FrameVector | DatagramVector, ...parts: number[][]): void {
  const entry = vector.count++;
  vector.iovecStart[entry] = vector.iovecs.used;
  vector.iovecCount[entry] = parts.length;
  for (const part of parts) {
    const at = arena.alloc(part.length, 4);
    arena.u8.set(part, at);
    vector.iovecs.add(at, part.length);
    vector.bytes[entry] += part.length;
  }
  vector.segments[entry] = entry + 1;
  vector.errno[entry] = 99;
}

function datagrams(): { arena: Arena; vector: DatagramVector; tunnels: Int32Array } {
  const arena = new Arena(1 << 20);
  const vector = new DatagramVector(arena, 8, 32, 256);
  const tunnels = arena.column(2 * TUNNEL_WORDS);
  tunnels[TunnelWord.FAMILY] = 4;
  for (let m = 0; m < 4; m++) {
    put(arena, vector, [m, m], [m + 10]);
    vector.hash[m] = m * 1000;
    vector.segmentSize[m] = m === 3 ? 2 : 0;
  }
  return { arena, vector, tunnels };
}

test('a fake underlay keeps what was sent, and refuses a record without a family', (t) => {
  const { arena, vector, tunnels } = datagrams();
  vector.destination[1] = 1;
  const underlay = new FakeUnderlay(arena);
  t.is(underlay.send(vector, tunnels), 1);
  t.deepEqual([...vector.errno.subarray(0, 4)], [0, EAFNOSUPPORT, 0, 0]);
  t.deepEqual(
    underlay.sent.map((each) => [...each.bytes]),
    [
      [0, 0, 10],
      [2, 2, 12],
      [3, 3, 13],
    ],
  );
  const bundle = underlay.sent[2];
  t.deepEqual(bundle === undefined ? [] : segmentsOf(bundle).map((each) => [...each]), [[3, 3], [13]]);
});

test('a fake underlay delivers what was queued, as a batch has room', (t) => {
  const arena = new Arena(1 << 20);
  const underlay = new FakeUnderlay(arena, 2);
  const batch = new ReceivedDatagrams(arena, 2, 0);
  underlay.overflow = 5;
  underlay.incoming[1]?.push(
    { bytes: Uint8Array.of(1), tunnel: { SRC_IP: 0x0a000001, TTL: 3 } },
    { bytes: Uint8Array.of(2, 2, 2), segmentSize: 2, tunnel: { FAMILY: 6 } },
    { bytes: Uint8Array.of(3), truncated: true },
  );
  t.is(underlay.receive(0, batch), 0);
  t.is(batch.overflow, 5);
  t.is(underlay.receive(1, batch), 2);
  t.is(batch.overflow, 0);
  t.deepEqual([...batch.length], [1, 3]);
  t.deepEqual([...batch.segmentSize], [0, 2]);
  t.is(arena.u8[batch.offset[1]], 2);
  t.is(batch.tunnels[TunnelWord.SRC_IP], 0x0a000001);
  t.is(batch.tunnels[TunnelWord.FAMILY], 4);
  t.is(batch.tunnels[TUNNEL_WORDS + TunnelWord.FAMILY], 6);
  t.is(underlay.receive(1, batch), 1);
  t.is(batch.truncated[0], 1);
  t.true(underlay.receive(2, batch) < 0);
});

test('entries that are made to fail are not sent, and every column comes back as it was', (t) => {
  const { arena, vector, tunnels } = datagrams();
  const before = [vector.hash, vector.segments, vector.iovecStart, vector.segmentSize].map((column) => [...column]);
  const inner = new FakeUnderlay(arena);
  const underlay = new FaultUnderlay(inner, {
    receive: (call) => (call === 1 ? EIO : 0),
    send: (call, entry) => (call === 0 && entry === 0 ? EPERM : call === 0 && entry === 2 ? ENOBUFS : 0),
  });
  underlay.send(vector, tunnels);
  t.deepEqual([...vector.errno.subarray(0, 4)], [EPERM, 0, ENOBUFS, 0]);
  t.deepEqual(
    inner.sent.map((each) => [each.bytes[0], each.hash, each.segmentSize, each.segments]),
    [
      [1, 1000, 0, 2],
      [3, 3000, 2, 4],
    ],
  );
  t.is(vector.count, 4);
  t.deepEqual(
    [vector.hash, vector.segments, vector.iovecStart, vector.segmentSize].map((column) => [...column]),
    before,
  );
  underlay.send(vector, tunnels);
  t.is(inner.sent.length, 6);
  const batch = new ReceivedDatagrams(arena, 2, 0);
  inner.incoming[0]?.push({ bytes: Uint8Array.of(7) });
  inner.incoming[0]?.push({ bytes: Uint8Array.of(8) });
  t.is(underlay.receive(0, batch), 2);
  t.is(underlay.receive(0, batch), -EIO);
  t.is(batch.count, 0);
  t.is(underlay.receive(0, batch), 0);
});

test('a fake port hands over frames with their offloads and keeps what is written', (t) => {
  const arena = new Arena(1 << 20);
  const inner = new FakePort(arena);
  const port = new FaultPort(inner, {
    read: (call) => (call === 0 ? EIO : 0),
    write: (_call, entry) => (entry === 1 ? ENOBUFS : 0),
  });
  const packets = new Packets(arena, 4);
  const slots = new Slots(arena, 4);
  inner.incoming.push(
    { bytes: new Uint8Array(60).fill(1) },
    { bytes: new Uint8Array(3000).fill(2), checksum: { start: 34, offset: 16 }, gso: { type: GSO_TCPV4, size: 1448 } },
  );
  t.is(port.read(packets, slots, 1, 4), -EIO);
  t.is(port.read(packets, slots, 1, 4), 2);
  t.is(packets.frame[1], slots.data(2));
  t.is(packets.flags[0], 0);
  t.is(packets.flags[1], UNFINISHED);
  t.is(packets.gsoSize[1], 1448);
  const vector = new FrameVector(arena, 4);
  const header = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
  for (let f = 0; f < 3; f++) put(arena, vector, header, [f], [f, f]);
  port.write(vector);
  t.deepEqual([...vector.errno.subarray(0, 3)], [0, ENOBUFS, 0]);
  t.deepEqual(
    inner.written.map((each) => [...each.bytes]),
    [
      [0, 0, 0],
      [2, 2, 2],
    ],
  );
  t.deepEqual([...(inner.written[0]?.vnetHeader ?? [])], header);
  t.is(inner.written[1]?.segments, 3);
  inner.up = false;
  port.write(vector);
  t.deepEqual([...vector.errno.subarray(0, 3)], [EIO, ENOBUFS, EIO]);
});
