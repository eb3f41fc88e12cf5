import test, { type ExecutionContext } from 'ava';
import { TUNNEL_CSUM, TUNNEL_DONT_FRAGMENT, TUNNEL_WORDS, TunnelWord } from '../../memory/tunnel.js';
import { EADDRINUSE, EAFNOSUPPORT, EMSGSIZE, SystemError } from '../../native/errno.js';
import { close, eventfd } from '../../native/libc.js';
import { addressWords, Endpoint, LOOPBACK4, LOOPBACK6, readable } from '../testing/loopback.js';
import { closeUdpSockets, openUdpSockets } from './sockets.js';
import { UdpUnderlay } from './underlay.js';

function pair(t: ExecutionContext, family: 4 | 6): [Endpoint, Endpoint] {
  const from = new Endpoint(family);
  t.teardown(() => from.close());
  const to = new Endpoint(family);
  t.teardown(() => to.close());
  return [from, to];
}

/** `count` bytes that tell where they stood. */
const pattern = (count: number, seed = 0): Uint8Array =>
  Uint8Array.from({ length: count }, (_, i) => (i * 7 + (i >> 8) + seed) & 0xff);

for (const [family, loopback] of [
  [4, LOOPBACK4],
  [6, LOOPBACK6],
] as const) {
  test(`IPv${family}: a datagram arrives with its outer addresses, ports, TOS and TTL`, (t) => {
    const [from, to] = pair(t, family);
    from.record(0, to.sockets.port, { TOS: 0x2e << 2, TTL: 17 });
    from.record(1, to.sockets.port);
    from.add([pattern(10), pattern(20, 3)], 0, 0xffffffff | 0);
    from.add([pattern(5)], 1, 0);
    from.send();
    t.deepEqual(from.errnos(), [0, 0]);
    const seen = new Map<number, number[]>();
    let got = 0;
    while (got < 2 && readable(to.sockets.receiveFd)) {
      got += to.underlay.receive(0, to.batch);
      for (let i = 0; i < to.batch.count; i++)
        seen.set(to.batch.length[i], [...to.batch.tunnels.subarray(i * TUNNEL_WORDS, (i + 1) * TUNNEL_WORDS)]);
    }
    const first = seen.get(30) ?? [];
    t.is(first[TunnelWord.FAMILY], family);
    t.deepEqual(first.slice(TunnelWord.SRC_IP, TunnelWord.SRC_IP + 4), addressWords(loopback));
    t.deepEqual(first.slice(TunnelWord.DST_IP, TunnelWord.DST_IP + 4), addressWords(loopback));
    t.is(first[TunnelWord.DST_PORT], to.sockets.port);
    t.is(first[TunnelWord.SRC_PORT], from.sockets.sourcePorts[3]);
    t.is(first[TunnelWord.TOS], 0xb8);
    t.is(first[TunnelWord.TTL], 17);
    const second = seen.get(5) ?? [];
    t.is(second[TunnelWord.SRC_PORT], from.sockets.sourcePorts[0]);
    t.is(second[TunnelWord.TOS], 0);
    t.is(second[TunnelWord.TTL], 64);
    t.is(second[TunnelWord.FLAGS], 0);
    t.is(second[TunnelWord.VNI], 0);
  });

  test(`IPv${family}: a bundle goes out in one call and comes in as one, its pieces in order`, (t) => {
    const [from, to] = pair(t, family);
    t.true(from.sockets.segmentation);
    t.true(to.sockets.receiveOffload);
    from.record(0, to.sockets.port);
    from.add([pattern(8), pattern(1000), pattern(1000, 1), pattern(500, 2)], 0, 0, 1004);
    t.is(from.send(), 1);
    t.deepEqual(from.errnos(), [0]);
    t.true(readable(to.sockets.receiveFd));
    t.is(to.underlay.receive(0, to.batch), 1);
    t.is(to.batch.segmentSize[0], 1004);
    t.is(to.batch.length[0], 2508);
    const sent = Buffer.concat([pattern(8), pattern(1000), pattern(1000, 1), pattern(500, 2)]);
    t.deepEqual(Buffer.from(to.payload(0)), sent);
    t.is(to.underlay.receive(0, to.batch), 0);
    t.is(to.batch.count, 0);
  });

  test(`IPv${family}: without checksum a bundle goes out as single datagrams, cut at the segment size`, (t) => {
    const [from, to] = pair(t, family);
    // IPv6 needs the receiver's consent.
    const receiver = family === 6 ? new Endpoint(6, { udp6ZeroChecksumReceive: true }) : to;
    if (receiver !== to) t.teardown(() => receiver.close());
    from.record(0, receiver.sockets.port, { FLAGS: 0 });
    const parts = [pattern(3), pattern(997), pattern(100, 1), pattern(1, 2), pattern(70 * 100 - 101 - 1000 + 5, 3)];
    from.add([pattern(4, 9)], 0, 0);
    from.add(parts, 0, 0, 100);
    from.add([pattern(4, 8)], 0, 0);
    const calls = from.send();
    t.is(calls, 5); // the mode, the datagram before, 64 + 7 pieces, the datagram behind
    t.deepEqual(from.errnos(), [0, 0, 0]);
    const got = receiver.collect(73);
    t.deepEqual(Buffer.from(got[0] ?? []), Buffer.from(pattern(4, 9)));
    t.deepEqual(Buffer.concat(got.slice(1, 72)), Buffer.concat(parts));
    t.true(got.slice(1, 71).every((each) => each.length === 100));
    t.is(got[71]?.length, 5);
    t.deepEqual(Buffer.from(got[72] ?? []), Buffer.from(pattern(4, 8)));
  });

  test(`IPv${family}: a port of zero is the socket's own`, (t) => {
    const [from] = pair(t, family);
    from.record(0, 0);
    from.add([pattern(9)]);
    from.send();
    t.is(from.collect(1).length, 1);
    t.is(from.batch.tunnels[TunnelWord.DST_PORT], from.sockets.port);
  });
}

test('an entry that cannot be sent gets its errno and the rest goes on, in order', (t) => {
  const [from, to] = pair(t, 4);
  from.record(0, to.sockets.port);
  from.record(1, to.sockets.port, { FLAGS: TUNNEL_CSUM | TUNNEL_DONT_FRAGMENT });
  from.record(2, to.sockets.port, { FAMILY: 6 });
  from.record(3, to.sockets.port, { FAMILY: 0 });
  const tooLong = pattern(65508);
  for (let i = 0; i < 3; i++) {
    from.add([pattern(100, i)], 0);
    from.add([tooLong], 0);
    from.add([pattern(1)], 2);
    from.add([pattern(1)], 3);
  }
  from.send();
  t.deepEqual(
    from.errnos(),
    [0, 1, 2].flatMap(() => [0, EMSGSIZE, EAFNOSUPPORT, EAFNOSUPPORT]),
  );
  t.deepEqual(
    to.collect(3).map((each) => Buffer.from(each)),
    [0, 1, 2].map((i) => Buffer.from(pattern(100, i))),
  );
});

test('more entries than one call takes arrive in order, one source port for each flow', (t) => {
  const [from, to] = pair(t, 4);
  from.record(0, to.sockets.port);
  for (let i = 0; i < 200; i++) from.add([Uint8Array.of(i & 3, i)], 0, (i & 3) << 30);
  const calls = from.send();
  t.is(calls, 4); // 50 on each of four ports
  const last = [-1, -1, -1, -1];
  const ports = new Map<number, Set<number>>();
  let got = 0;
  while (got < 200 && readable(to.sockets.receiveFd)) {
    to.underlay.receive(0, to.batch);
    for (let i = 0; i < to.batch.count; i++) {
      const payload = to.payload(i);
      const port = to.batch.tunnels[i * TUNNEL_WORDS + TunnelWord.SRC_PORT];
      // Equal datagrams of a flow may come as a bundle.
      for (let at = 0; at < payload.length; at += 2) {
        const flow = payload[at] ?? 9;
        t.true((payload[at + 1] ?? -1) > (last[flow] ?? 999));
        last[flow] = payload[at + 1] ?? -1;
        ports.set(flow, (ports.get(flow) ?? new Set()).add(port));
        got++;
      }
    }
  }
  t.is(got, 200);
  t.is(new Set([...ports.values()].flatMap((set) => [...set])).size, 4);
  t.true([...ports.values()].every((set) => set.size === 1));
});

test('a flow whose packets differ in DF and checksum stays in order, beside others that do not', (t) => {
  const [from, to] = pair(t, 4);
  from.record(0, to.sockets.port);
  from.record(1, to.sockets.port, { FLAGS: TUNNEL_CSUM | TUNNEL_DONT_FRAGMENT });
  from.record(2, to.sockets.port, { FLAGS: 0 });
  const records = [0, 0, 1, 1, 0, 2, 1, 0, 2, 2, 0];
  const flows = [7, 0x4000_0007, 9];
  records.forEach((record, n) => {
    flows.forEach((hash, flow) => {
      from.add([Uint8Array.of(flow, n, 0)], flow === 2 ? 0 : record, hash);
    });
  });
  from.send();
  t.true(from.errnos().every((errno) => errno === 0));
  const arrived = to.collect(3 * records.length);
  for (const flow of flows.keys())
    t.deepEqual(
      arrived.filter(([of]) => of === flow).map(([, n]) => n),
      [...records.keys()],
      `flow ${flow}`,
    );
});

test('copies of a frame for remotes of both families, of different modes, leave by few calls', (t) => {
  const [from, to] = pair(t, 4);
  const [from6, to6] = pair(t, 6);
  const underlay = new UdpUnderlay(from.arena, [from.sockets, from6.sockets], { receive: 64, send: 256 });
  from.record(0, to.sockets.port, { FLAGS: TUNNEL_CSUM | TUNNEL_DONT_FRAGMENT });
  from.record(1, to6.sockets.port, { FAMILY: 6 });
  from.tunnels.set(addressWords(LOOPBACK6), TUNNEL_WORDS + TunnelWord.DST_IP);
  for (let n = 0; n < 64; n++) from.add([Uint8Array.of(n)], n & 1, 7);
  t.true(underlay.send(from.vector, from.tunnels) < 8);
  t.true(from.errnos().every((errno) => errno === 0));
  const numbers = (parity: number): number[] => Array.from({ length: 32 }, (_, n) => 2 * n + parity);
  [to, to6].forEach((receiver, parity) => {
    t.deepEqual(
      receiver.collect(32).map(([n]) => n),
      numbers(parity),
    );
  });
});

test('a segment larger than the MTU is fragmented without DF and refused with it', (t) => {
  const [from, to] = pair(t, 4);
  from.record(0, to.sockets.port);
  from.record(1, to.sockets.port, { FLAGS: TUNNEL_CSUM | TUNNEL_DONT_FRAGMENT });
  from.record(2, to.sockets.port);
  // loopback's MTU is 65,536: only the bundle as a whole is too long for a call.
  from.add([pattern(60000), pattern(60000, 1)], 0, 0, 60000);
  from.add([pattern(60000), pattern(60000, 1)], 1, 0, 60000);
  from.add([pattern(5)], 2, 0);
  from.send();
  t.deepEqual(from.errnos(), [0, EMSGSIZE, 0]);
  t.deepEqual(
    to.collect(3).map((each) => each.length),
    [60000, 60000, 5],
  );
});

test('datagrams that the queue had no room for are told once, as a difference', (t) => {
  const from = new Endpoint(4, {}, false);
  const to = new Endpoint(4, { receiveBuffer: 4096 });
  t.teardown(() => {
    from.close();
    to.close();
  });
  from.record(0, to.sockets.port);
  let told = 0;
  let received = 0;
  let sent = 0;
  for (let round = 0; round < 3; round++) {
    for (let i = 0; i < 200; i++) from.add([pattern(900 + (i & 1))], 0);
    from.send();
    sent += 200;
    // Full batches end with the question what was lost; a queue shorter than a batch never fills one.
    let taken: number;
    do {
      taken = to.underlay.receive(0, to.batch);
      told += to.batch.overflow;
      received += to.batch.count;
    } while (taken > 0);
    told += to.underlay.takeOverflow();
    t.is(received + told, sent);
    from.clear();
  }
  t.true(told > 0);
  t.is(received + told, sent);
});

test('what is sent to a source port is dropped there', (t) => {
  const [from, to] = pair(t, 4);
  from.record(0, to.sockets.sourcePorts[0] ?? 0);
  from.add([pattern(9)]);
  from.send();
  t.deepEqual(from.errnos(), [0]);
  t.false(readable(to.sockets.transmitFds[0] ?? -1, 0));
});

test('a second endpoint on the port is told that it is in use, and leaves nothing open', (t) => {
  const [from] = pair(t, 4);
  const before = eventfd(0, 0);
  close(before);
  const error = t.throws(
    () =>
      openUdpSockets({
        family: 4,
        port: from.sockets.port,
        receiveBuffer: 65536,
        sendBuffer: 65536,
        sourcePorts: 2,
      }),
    { instanceOf: SystemError },
  );
  t.is(error?.errno, EADDRINUSE);
  t.regex(error?.message ?? '', /Address already in use$/);
  const after = eventfd(0, 0);
  close(after);
  t.is(after, before);
});

test('one port serves both families side by side', (t) => {
  const four = new Endpoint(4, { local: undefined });
  t.teardown(() => four.close());
  const six = openUdpSockets({
    family: 6,
    port: four.sockets.port,
    receiveBuffer: 65536,
    sendBuffer: 65536,
    sourcePorts: 1,
  });
  closeUdpSockets(six);
  t.is(six.port, four.sockets.port);
});

test('source ports come from the range, spread over it, and a taken one is passed over', (t) => {
  const blocker = new Endpoint(4);
  t.teardown(() => blocker.close());
  const low = Math.min(blocker.sockets.port, 65000);
  const open = (sourcePorts: number, high: number) =>
    openUdpSockets({
      family: 4,
      port: 0,
      local: LOOPBACK4,
      receiveBuffer: 65536,
      sendBuffer: 65536,
      sourcePorts,
      sourcePortRange: [low, high],
    });
  const sockets = open(4, low + 400);
  closeUdpSockets(sockets);
  t.true(sockets.sourcePorts.every((port) => port >= low && port < low + 400 && port !== blocker.sockets.port));
  t.is(new Set(sockets.sourcePorts).size, 4);
  const error = t.throws(() => open(1, low + 1), { instanceOf: SystemError });
  t.is(error?.errno, EADDRINUSE);
});

test('a slot that held a plain datagram has room for the control messages of a bundle', (t) => {
  const [from, to] = pair(t, 4);
  from.record(0, to.sockets.port, { TOS: 0xb8, TTL: 17 });
  for (const segmentSize of [0, 100, 0, 100]) {
    from.clear();
    from.add([pattern(300)], 0, 0, segmentSize);
    from.send();
    t.true(readable(to.sockets.receiveFd));
    t.is(to.underlay.receive(0, to.batch), 1);
    t.is(to.batch.segmentSize[0], segmentSize);
    t.is(to.batch.length[0], 300);
    // The kernel writes these last, so they are what is cut off where there is no room.
    t.is(to.batch.tunnels[TunnelWord.TTL], 17);
    t.is(to.batch.tunnels[TunnelWord.TOS], 0xb8);
  }
});

test('each datagram goes to its own destination, also where a call ends between two of them', (t) => {
  const [from, one] = pair(t, 4);
  const two = new Endpoint(4);
  t.teardown(() => two.close());
  from.record(0, one.sockets.port);
  from.record(1, two.sockets.port);
  // A call takes 64: the last message of the first call and the first 63 of the second share a destination, and the
  // last of the second has another.
  for (let i = 0; i < 128; i++) from.add([Uint8Array.of(i)], i >= 63 && i < 127 ? 1 : 0);
  from.send();
  t.deepEqual(
    two.collect(64).map((each) => each[0]),
    Array.from({ length: 64 }, (_, i) => i + 63),
  );
  t.is(one.collect(64).length, 64);
  t.is(one.underlay.receive(0, one.batch), 0);
});
