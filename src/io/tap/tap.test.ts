import test, { type ExecutionContext } from 'ava';
import { Arena } from '../../memory/arena.js';
import { GSO_UDP_L4, Packets, UNFINISHED } from '../../memory/packets.js';
import { Slots } from '../../memory/received.js';
import { FrameVector } from '../../memory/vectors.js';
import { EBADFD, EEXIST, EINVAL, EIO, ENOENT, SystemError } from '../../native/errno.js';
import { Endpoint, readable } from '../testing/loopback.js';
import { enterFreshNamespace, ip, OtherNamespace, rooted, rootedSince } from '../testing/namespace.js';
import { closeTap, openTap, setCarrier, type Tap, type TapOptions, tapName } from './open-tap.js';
import { TapPort } from './tap-port.js';

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(/\s/g, ''), 'hex'));
const NO_OFFLOAD = new Uint8Array(12);

test.before(() => {
  if (process.getuid?.() === 0) enterFreshNamespace();
});

let serial = 0;

/** A TAP with a name of its own, and a port on it with a batch, closed when the test ends. */
class Station {
  readonly arena = new Arena(16 << 20);
  readonly packets = new Packets(this.arena, 64);
  readonly slots = new Slots(this.arena, 64);
  readonly vector = new FrameVector(this.arena, 64);
  readonly tap: Tap;
  readonly port: TapPort;
  private readonly bytes = this.arena.alloc(256 * 1024);
  private used = 0;

  constructor(t: ExecutionContext, options: Partial<TapOptions> = {}) {
    this.tap = openTap({ name: `vt${process.pid}x${serial++}`, ...options });
    t.teardown(() => closeTap(this.tap));
    this.port = new TapPort(this.arena, this.tap.queues[0] ?? { readFd: -1, writeFd: -1 });
  }

  get name(): string {
    return this.tap.name;
  }

  /** Up, with 10.9.0.1/24 and a neighbour 10.9.0.2, and no chatter of IPv6. */
  up(): void {
    ip(`link set dev ${this.name} addrgenmode none`);
    ip(`link set dev ${this.name} address 02:00:00:00:00:01 up`);
    ip(`addr add 10.9.0.1/24 dev ${this.name}`);
    ip(`neigh add 10.9.0.2 lladdr 02:00:00:00:00:02 dev ${this.name}`);
  }

  /** Adds a frame to the vector: its virtio-net header, then `parts` in an iovec each. */
  add(header: Uint8Array, ...parts: Uint8Array[]): void {
    const f = this.vector.count++;
    this.vector.iovecStart[f] = this.vector.iovecs.used;
    this.vector.iovecCount[f] = parts.length + 1;
    for (const part of [header, ...parts]) {
      this.arena.u8.set(part, this.bytes + this.used);
      this.vector.iovecs.add(this.bytes + this.used, part.length);
      this.used += part.length;
    }
    this.vector.errno[f] = -1;
  }

  errnos(): number[] {
    return [...this.vector.errno.subarray(0, this.vector.count)];
  }

  read(limit = 64): number {
    this.packets.reset();
    this.arena.u8.fill(0xa5, this.slots.data(0) - 12, this.slots.data(2) + 2048);
    return this.port.read(this.packets, this.slots, 0, limit);
  }

  frame(packet: number): Buffer {
    const at = this.packets.frame[packet] ?? 0;
    return Buffer.from(this.arena.u8.slice(at, at + (this.packets.length[packet] ?? 0)));
  }
}

rooted('a TAP gets its name, its offloads and a carrier', (t) => {
  const { tap, name } = new Station(t);
  t.is(tapName(tap.fds[0] ?? -1), name);
  t.true(tap.offloads.tcp);
  ip(`link set ${name} up`);
  t.regex(ip(`link show ${name}`), /<[^>]*LOWER_UP/);
  setCarrier(tap.fds[0] ?? -1, false);
  t.regex(ip(`link show ${name}`), /<NO-CARRIER/);
  setCarrier(tap.fds[0] ?? -1, true);
  t.notRegex(ip(`link show ${name}`), /NO-CARRIER/);
});

rooted('a name that is taken is refused, whatever has it', (t) => {
  const { name } = new Station(t);
  ip('link add vethx type veth peer name vethy');
  t.teardown(() => ip('link del vethx'));
  for (const taken of [name, 'vethx', 'lo']) {
    const error = t.throws(() => openTap({ name: taken }), { instanceOf: SystemError });
    t.is(error?.errno, EEXIST);
    t.is(error?.message, `TUNSETIFF ${taken}: File exists`);
  }
});

test('a missing device node is named', (t) => {
  const error = t.throws(() => openTap({ name: 'vtnone', tunPath: '/nonexistent/tun' }), { instanceOf: SystemError });
  t.is(error?.errno, ENOENT);
  t.is(error?.message, 'open /nonexistent/tun: No such file or directory');
});

test('a name that is too long is refused', (t) => {
  t.is(t.throws(() => openTap({ name: 'a234567890123456' }), { instanceOf: SystemError })?.errno, EINVAL);
});

rooted('a TAP ends with its descriptors; a persistent one stays and is reclaimed only on request', (t) => {
  const first = openTap({ name: 'vtpersist', persist: true });
  closeTap(first);
  t.regex(ip('link show vtpersist'), /vtpersist/);
  t.is(t.throws(() => openTap({ name: 'vtpersist' }), { instanceOf: SystemError })?.errno, EEXIST);
  const again = openTap({ name: 'vtpersist', reclaim: true, persist: false });
  t.is(tapName(again.fds[0] ?? -1), 'vtpersist');
  closeTap(again);
  t.throws(() => ip('link show vtpersist'));
});

rooted('each queue of a multi-queue TAP has a descriptor to read, and one to write that nothing is given to', (t) => {
  const { tap, name } = new Station(t, { queues: 3 });
  t.is(new Set(tap.fds).size, 6);
  t.deepEqual(new Set(tap.fds.map((fd) => tapName(fd))), new Set([name]));
  t.deepEqual(
    tap.queues.flatMap(({ readFd, writeFd }) => [readFd, writeFd]).toSorted((a, b) => a - b),
    tap.fds.toSorted((a, b) => a - b),
  );
  t.regex(ip(`-d link show ${name}`), /multi_queue numqueues 3 numdisabled 3/);
});

rooted('a persistent TAP of one queue keeps it, whatever is wanted of it later, and the other way round', (t) => {
  closeTap(openTap({ name: 'vtsingle', persist: true }));
  const single = openTap({ name: 'vtsingle', reclaim: true, queues: 3 });
  const [first, ...others] = single.queues;
  t.deepEqual(first, { readFd: first?.writeFd ?? -1, writeFd: single.fds[0] ?? -1 });
  t.deepEqual(others, Array(2).fill({ readFd: -1, writeFd: first?.writeFd }));
  closeTap(single);

  closeTap(openTap({ name: 'vtseveral', persist: true, queues: 2 }));
  const several = openTap({ name: 'vtseveral', reclaim: true });
  t.is(several.fds.length, 1);
  t.regex(ip('-d link show vtseveral'), /multi_queue numqueues 1 /);
  closeTap(several);
});

// who has 10.9.0.1? tell 10.9.0.2
const ARP_REQUEST = hex(`
  ffffffffffff 020000000002 0806
  0001 0800 06 04 0001 020000000002 0a090002 000000000000 0a090001`);
// 10.9.0.1 is at 02:00:00:00:00:01
const ARP_REPLY = `
  020000000002 020000000001 0806
  0001 0800 06 04 0002 020000000001 0a090001 020000000002 0a090002`;

rooted('a frame gathered from several pieces reaches the host, and its answer comes back', (t) => {
  const station = new Station(t);
  station.up();
  station.add(NO_OFFLOAD, ARP_REQUEST.subarray(0, 14), ARP_REQUEST.subarray(14, 20), ARP_REQUEST.subarray(20));
  station.port.write(station.vector);
  t.deepEqual(station.errnos(), [0]);
  t.true(readable(station.port.fd));
  t.is(station.read(), 1);
  t.deepEqual(station.frame(0), Buffer.from(hex(ARP_REPLY)));
  t.is(station.packets.flags[0], 0);
  t.is(station.packets.frame[0], station.slots.data(0));
  t.is(station.read(), 0);
});

rooted('a frame that is refused gets its errno and the others go on', (t) => {
  const station = new Station(t);
  station.add(NO_OFFLOAD, ARP_REQUEST);
  station.port.write(station.vector);
  t.deepEqual(station.errnos(), [EIO], 'a TAP that is down');
  station.up();
  station.vector.reset();
  // NEEDS_CSUM with a checksum beyond the frame; an unknown kind of super-frame; a good one
  station.add(hex('01 00 0000 0000 ff00 ff00 0000'), ARP_REQUEST);
  station.add(hex('00 09 0000 0100 0000 0000 0000'), ARP_REQUEST);
  station.add(NO_OFFLOAD, ARP_REQUEST);
  station.add(NO_OFFLOAD, ARP_REQUEST.subarray(0, 13));
  station.port.write(station.vector);
  t.deepEqual(station.errnos(), [EINVAL, EINVAL, 0, EINVAL]);
  t.true(readable(station.port.fd));
  t.is(station.read(), 1);
});

rooted('what the host leaves unfinished is told: the checksum of a datagram, the size within a super-frame', (t) => {
  const station = new Station(t);
  station.up();
  const sender = new Endpoint(4, { local: Uint8Array.of(10, 9, 0, 1), sourcePorts: 1 });
  t.teardown(() => sender.close());
  const words = { DST_IP: 0x0a090002 };
  sender.record(0, 7777, words);
  sender.add([new Uint8Array(11).fill(1)]);
  sender.add([new Uint8Array(2500).fill(2)], 0, 0, station.tap.offloads.udp ? 1000 : 0);
  sender.send();
  t.deepEqual(sender.errnos(), [0, 0]);
  t.true(readable(station.port.fd));
  t.is(station.read(), station.tap.offloads.udp ? 2 : 3);
  const { packets } = station;
  t.is(packets.length[0], 14 + 20 + 8 + 11);
  t.is(packets.flags[0], UNFINISHED);
  t.is(packets.csumStart[0], 34);
  t.is(packets.csumOffset[0], 6);
  t.is(packets.gsoType[0], 0);
  if (station.tap.offloads.udp) {
    t.is(packets.length[1], 14 + 20 + 8 + 2500);
    t.is(packets.gsoType[1], GSO_UDP_L4);
    t.is(packets.gsoSize[1], 1000);
    t.is(packets.flags[1], UNFINISHED);
  }
});

rooted('the limit and the room in packets and slots are kept, and the rest waits', (t) => {
  const station = new Station(t);
  station.up();
  const sender = new Endpoint(4, { local: Uint8Array.of(10, 9, 0, 1), sourcePorts: 1 }, false);
  t.teardown(() => sender.close());
  sender.record(0, 7777, { DST_IP: 0x0a090002 });
  for (let i = 0; i < 100; i++) sender.add([Uint8Array.of(i)]);
  sender.send();
  t.is(station.read(10), 10);
  t.is(station.frame(9).at(-1), 9);
  station.packets.reset();
  t.is(station.port.read(station.packets, station.slots, 60, 64), 4);
  t.is(station.frame(0).at(-1), 10);
  t.is(station.port.read(station.packets, station.slots, 0, 64), 60);
  t.is(station.port.read(station.packets, station.slots, 0, 64), 0, 'no packet is left');
  t.is(station.read(), 26);
  t.is(station.frame(25).at(-1), 99);
});

rootedSince([6, 2, 0])('a super-frame written to the TAP reaches a socket of the host as a bundle', (t) => {
  const station = new Station(t);
  t.true(station.tap.offloads.udp);
  station.up();
  const receiver = new Endpoint(4, { local: Uint8Array.of(10, 9, 0, 1) });
  t.teardown(() => receiver.close());
  const port = receiver.sockets.port.toString(16).padStart(4, '0');
  // UDP of 8 + 2500 bytes from 10.9.0.2; its checksum field holds the folded pseudo-header sum:
  // 0x0a09 + 0x0002 + 0x0a09 + 0x0001 + 17 + 2508 = 0x1df2
  const headers = hex(`
    020000000001 020000000002 0800
    45 00 09e0 0000 4000 40 11 1cf9 0a090002 0a090001
    1e61 ${port} 09cc 1df2`);
  const payload = Uint8Array.from({ length: 2500 }, (_, i) => i & 0xff);
  // NEEDS_CSUM, UDP_L4, header length 42, segments of 1000, checksum at 34 + 6
  station.add(hex('01 05 2a00 e803 2200 0600 0000'), headers, payload.subarray(0, 700), payload.subarray(700));
  station.port.write(station.vector);
  t.deepEqual(station.errnos(), [0]);
  const got = receiver.collect(3);
  t.deepEqual(
    got.map((each) => each.length),
    [1000, 1000, 500],
  );
  t.deepEqual(Buffer.concat(got), Buffer.from(payload));
});

rooted('a TAP moved to another namespace and renamed there goes on working', (t) => {
  const station = new Station(t);
  const other = new OtherNamespace();
  t.teardown(() => other.close());
  ip(`link set dev ${station.name} netns ${other.path}`);
  t.throws(() => ip(`link show ${station.name}`));
  other.inside(() => {
    ip(`link set dev ${station.name} name renamed`);
    t.is(tapName(station.port.fd), 'renamed');
    ip('link set dev renamed addrgenmode none');
    ip('link set dev renamed address 02:00:00:00:00:01 up');
    ip('addr add 10.9.0.1/24 dev renamed');
  });
  station.add(NO_OFFLOAD, ARP_REQUEST);
  station.port.write(station.vector);
  t.deepEqual(station.errnos(), [0]);
  t.true(readable(station.port.fd));
  t.is(station.read(), 1);
  t.deepEqual(station.frame(0), Buffer.from(hex(ARP_REPLY)));
});

rooted('a TAP that was deleted answers EBADFD to all', (t) => {
  const station = new Station(t);
  ip(`link del ${station.name}`);
  t.is(tapName(station.port.fd), undefined);
  t.is(station.read(), -EBADFD);
  station.add(NO_OFFLOAD, ARP_REQUEST);
  station.port.write(station.vector);
  t.deepEqual(station.errnos(), [EBADFD]);
});
