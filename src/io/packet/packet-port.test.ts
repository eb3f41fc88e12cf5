// This namespace: p0 ── veth ── p1, where a packet socket sees what comes out.
import test from 'ava';
import { Arena } from '../../memory/arena.js';
import { FrameVector } from '../../memory/vectors.js';
import { EMSGSIZE, ENETDOWN, ENXIO, must, SystemError } from '../../native/errno.js';
import { bindSocket, close, recv, setsockopt, socket } from '../../native/libc.js';
import { NativeBuffer } from '../../native/scratch.js';
import { AF_PACKET, MSG_DONTWAIT, SO_RCVBUFFORCE, SOCK_RAW, SOL_SOCKET } from '../../native/socket-constants.js';
import { SockaddrLl } from '../../native/structs.js';
import { putU16, u16 } from '../../wire/bytes.js';
import { VNET_HEADER_BYTES } from '../device.js';
import { RtnetlinkClient } from '../rtnetlink/client.js';
import { readable } from '../testing/loopback.js';
import { enterFreshNamespace, ip, rooted } from '../testing/namespace.js';
import { isKernelAtLeast, openPacketSocket } from './open-packet.js';
import { PacketPort } from './packet-port.js';

const memory = new NativeBuffer(70000);
/** An EtherType for experiments (IEEE 802a), so that nothing else on the wire is taken for ours. */
const ETHERTYPE = 0x88b5;
let watch = -1;

if (process.getuid?.() === 0)
  test.before(() => {
    enterFreshNamespace();
    ip('link add p0 type veth peer name p1');
    ip('link set p0 up');
    ip('link set p1 up');
    watch = must(socket(AF_PACKET, SOCK_RAW, 0), 'socket');
    memory.view.setInt32(0, 8 << 20, true);
    must(setsockopt(watch, SOL_SOCKET, SO_RCVBUFFORCE, memory.address, 4), 'SO_RCVBUFFORCE');
    memory.bytes.fill(0, 0, SockaddrLl.SIZE);
    memory.view.setUint16(SockaddrLl.FAMILY, AF_PACKET, true);
    memory.view.setUint16(SockaddrLl.PROTOCOL, 3); // ETH_P_ALL
    memory.view.setInt32(SockaddrLl.IFINDEX, indexOf('p1'), true);
    must(bindSocket(watch, memory.address, SockaddrLl.SIZE), 'bind');
  });

function indexOf(name: string): number {
  const client = new RtnetlinkClient();
  const link = client.link(name);
  client.close();
  if (!link) throw new Error(`there is no ${name}`);
  return link.index;
}

/** What comes out at p1 next, of ours. */
function next(isOurs = (frame: Buffer): boolean => frame.readUInt16BE(12) === ETHERTYPE): Buffer | undefined {
  while (readable(watch)) {
    const bytes = must(recv(watch, memory.address, memory.bytes.length, MSG_DONTWAIT), 'recv');
    const frame = Buffer.from(memory.bytes.slice(0, bytes));
    if (isOurs(frame)) return frame;
  }
  return undefined;
}

class Bench {
  readonly arena = new Arena(4 << 20);
  readonly vector = new FrameVector(this.arena, 128);
  readonly fd: number;
  readonly port: PacketPort;
  private readonly bytes = this.arena.alloc(1 << 20);
  private used = 0;

  constructor(dev: string, headerBytes?: 10 | 12) {
    const opened = openPacketSocket(indexOf(dev), 1 << 20);
    this.fd = opened.fd;
    this.port = new PacketPort(this.arena, { ...opened, ...(headerBytes && { headerBytes }) });
  }

  /** A frame in two iovecs, the virtio-net header before the first. */
  add(frame: Uint8Array, header: Uint8Array = new Uint8Array(VNET_HEADER_BYTES)): void {
    const { vector } = this;
    const f = vector.count++;
    vector.iovecStart[f] = vector.iovecs.used;
    vector.iovecCount[f] = 2;
    vector.bytes[f] = frame.length;
    vector.segments[f] = 1;
    vector.errno[f] = -1;
    const at = this.bytes + this.used;
    this.arena.u8.set(header, at);
    this.arena.u8.set(frame, at + VNET_HEADER_BYTES);
    this.used += VNET_HEADER_BYTES + frame.length + 3;
    vector.iovecs.add(at, VNET_HEADER_BYTES + 14);
    vector.iovecs.add(at + VNET_HEADER_BYTES + 14, frame.length - 14);
  }

  write(): number[] {
    this.port.write(this.vector);
    const errnos = [...this.vector.errno.subarray(0, this.vector.count)];
    this.vector.reset();
    this.used = 0;
    return errnos;
  }
}

function frame(length: number, seed = 0): Uint8Array {
  const bytes = Uint8Array.from({ length }, (_, i) => (i * 5 + seed) & 0xff);
  bytes.fill(2, 0, 12);
  putU16(bytes, 12, ETHERTYPE);
  return bytes;
}

rooted('frames leave in order, more of them than a call takes', (t) => {
  const bench = new Bench('p0');
  t.teardown(() => close(bench.fd));
  const frames = Array.from({ length: 100 }, (_, i) => frame(60 + i, i));
  for (const each of frames) bench.add(each);
  t.deepEqual(bench.write(), new Array(100).fill(0));
  for (const each of frames) t.deepEqual(next(), Buffer.from(each));
});

for (const headerBytes of [12, 10] as const) {
  rooted(`a super-frame with an unfinished checksum stays whole, header of ${headerBytes} bytes`, (t) => {
    const bench = new Bench('p0', headerBytes);
    t.teardown(() => close(bench.fd));
    if (headerBytes === 10) {
      // As a kernel before 6.4 has it.
      memory.view.setInt32(0, 1, true);
      must(setsockopt(bench.fd, 263, 15, memory.address, 4), 'PACKET_VNET_HDR');
    }
    // Ethernet, IPv4, TCP and 8,000 bytes.
    const bytes = frame(14 + 40 + 8000, 3);
    putU16(bytes, 12, 0x0800);
    bytes.set(
      [0x45, 0, ...[(8040 >> 8) & 0xff, 8040 & 0xff], 0, 1, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2],
      14,
    );
    bytes[14 + 20 + 12] = 0x50;
    const header = new Uint8Array(VNET_HEADER_BYTES);
    header.set([1, 1, 54, 0, 1400 & 0xff, 1400 >> 8, 34, 0, 16, 0]);
    bench.add(bytes, header);
    bench.add(frame(70, 1));
    t.deepEqual(bench.write(), [0, 0]);
    const got = next((each) => each.readUInt16BE(12) === 0x0800 && each.length > 1000);
    t.is(got?.length, bytes.length);
    t.is(got === undefined ? 0 : u16(got, 14 + 20 + 16), u16(bytes, 14 + 20 + 16), 'the checksum is as it was');
    t.deepEqual(next(), Buffer.from(frame(70, 1)));
  });
}

rooted('a frame that fails gets its errno and stops no other: too long, interface down, interface gone', (t) => {
  ip('link add q0 type veth peer name q1');
  ip('link set q0 up');
  ip('link set q1 up');
  const bench = new Bench('q0');
  t.teardown(() => close(bench.fd));
  const three = (): number[] => {
    for (const length of [100, 2000, 100]) bench.add(frame(length));
    return bench.write();
  };
  t.deepEqual(three(), [0, EMSGSIZE, 0]);
  ip('link set q0 down');
  t.deepEqual(three(), [ENETDOWN, ENETDOWN, ENETDOWN]);
  ip('link set q0 up');
  t.deepEqual(three(), [0, EMSGSIZE, 0]);
  ip('link del q0');
  t.deepEqual(three(), [ENXIO, ENXIO, ENXIO]);
});

rooted('the socket receives nothing, and an interface that is none is refused', (t) => {
  const bench = new Bench('p1');
  t.teardown(() => close(bench.fd));
  const other = new Bench('p0');
  t.teardown(() => close(other.fd));
  other.add(frame(77));
  other.write();
  t.deepEqual(next(), Buffer.from(frame(77)));
  t.false(readable(bench.fd, 0));
  t.is(bench.port.read(), 0);
  t.throws(() => openPacketSocket(1_000_000, 1), { instanceOf: SystemError, message: /No such device/ });
});

test('kernel releases are compared by number', (t) => {
  t.true(isKernelAtLeast('6.2.0-1-amd64', 6, 2));
  t.true(isKernelAtLeast('6.18.5', 6, 2));
  t.true(isKernelAtLeast('7.0-rc1', 6, 2));
  t.false(isKernelAtLeast('6.1.0-13-amd64', 6, 2));
  t.false(isKernelAtLeast('5.15.0', 6, 2));
});
