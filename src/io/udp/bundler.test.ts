import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { ENETUNREACH } from '../../native/errno.js';
import { setsockopt } from '../../native/libc.js';
import { scratch } from '../../native/scratch.js';
import { SO_NO_CHECK, SOL_SOCKET } from '../../native/socket-constants.js';
import { Endpoint, readable } from '../testing/loopback.js';

/** `length` bytes that tell their number. */
function numbered(n: number, length: number): Uint8Array {
  return new Uint8Array(length).fill(n + 1);
}

function pair(t: ExecutionContext): [Endpoint, Endpoint] {
  const from = new Endpoint(4, { sourcePorts: 1 });
  const to = new Endpoint(4);
  t.teardown(() => {
    from.close();
    to.close();
  });
  from.record(0, to.sockets.port);
  return [from, to];
}

/** What arrives next, message by message: bytes and segment size of each. */
function messages(to: Endpoint): (readonly [number, number])[] {
  if (!readable(to.sockets.receiveFd)) return [];
  to.underlay.receive(0, to.batch);
  return Array.from({ length: to.batch.count }, (_, i) => [to.batch.length[i] ?? 0, to.batch.segmentSize[i] ?? 0]);
}

test('datagrams of one length leave as one message, each in two pieces', (t) => {
  const [from, to] = pair(t);
  for (let n = 0; n < 20; n++) from.add([numbered(n, 8), numbered(n, 92)]);
  t.is(from.send(), 1);
  t.deepEqual(messages(to), [[2000, 100]]);
  const payload = to.payload(0);
  t.deepEqual(
    Array.from({ length: 20 }, (_, n) => payload[n * 100 + 99]),
    Array.from({ length: 20 }, (_, n) => n + 1),
  );
  t.true(from.errnos().every((errno) => errno === 0));
});

test('a shorter one ends a bundle, a longer one begins another', (t) => {
  const [from, to] = pair(t);
  for (const [n, length] of [100, 100, 60, 60, 100, 100].entries()) from.add([numbered(n, length)]);
  t.is(from.send(), 1);
  t.deepEqual(messages(to), [
    [260, 100],
    [60, 0],
    [200, 100],
  ]);
});

test('a bundle has at most 64 datagrams and 65,487 bytes', (t) => {
  const [from, to] = pair(t);
  for (let n = 0; n < 65; n++) from.add([numbered(n, 10)]);
  for (let n = 0; n < 3; n++) from.add([numbered(n, 30_000)]);
  t.is(from.send(), 1);
  t.deepEqual(messages(to), [
    [640, 10],
    [10, 0],
    [60_000, 30_000],
    [30_000, 0],
  ]);
});

test('neighbours to another destination, and bundles that came as such, stay by themselves', (t) => {
  const [from, to] = pair(t);
  from.record(1, to.sockets.port, { TOS: 4 });
  from.add([numbered(0, 50)]);
  from.add([numbered(1, 50)], 1);
  from.add([numbered(2, 50)], 1);
  from.add([numbered(3, 150)], 1, 0, 50);
  from.add([numbered(4, 50)], 1);
  t.is(from.send(), 1);
  t.deepEqual(messages(to), [
    [50, 0],
    [100, 50],
    [150, 50],
    [50, 0],
  ]);
});

test('without a checksum there are no bundles', (t) => {
  const [from, to] = pair(t);
  from.record(0, to.sockets.port, { FLAGS: 0 });
  for (let n = 0; n < 5; n++) from.add([numbered(n, 50)]);
  from.send();
  t.is(messages(to).length, 5);
});

test('what the kernel refuses as a bundle is sent datagram by datagram', (t) => {
  const [from, to] = pair(t);
  // behind the sender's back: UDP_SEGMENT and a socket without checksums is EINVAL
  scratch.view.setInt32(0, 1, true);
  t.is(setsockopt(from.sockets.transmitFds[0] ?? -1, SOL_SOCKET, SO_NO_CHECK, scratch.address, 4), 0);
  for (let n = 0; n < 5; n++) from.add([numbered(n, 3), numbered(n, 47)]);
  from.add([numbered(5, 70)]);
  from.send();
  t.deepEqual(from.errnos(), [0, 0, 0, 0, 0, 0]);
  t.deepEqual(
    to.collect(6).map((datagram) => [datagram.length, datagram[0]]),
    [...[1, 2, 3, 4, 5].map((n) => [50, n]), [70, 6]],
  );
});

test('a failure is told for each datagram of the bundle, and the next bundle goes out', (t) => {
  const [from, to] = pair(t);
  from.record(1, 9, { DST_IP: 0xf0000001 | 0 }); // 240.0.0.1: no route
  for (let n = 0; n < 3; n++) from.add([numbered(n, 50)], 1);
  for (let n = 0; n < 2; n++) from.add([numbered(n, 50)]);
  from.send();
  const [first, second, third, ...others] = from.errnos();
  t.is(first === ENETUNREACH || first === 22 ? first : `errno ${first}`, first);
  t.deepEqual([second, third], [first, first]);
  t.deepEqual(others, [0, 0]);
  t.deepEqual(messages(to), [[100, 50]]);
});

test('whatever the lengths, every datagram arrives as it was, in order', (t) => {
  const [from, to] = pair(t);
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.constantFrom(1, 66, 66, 66, 1458, 1458, 9000), fc.integer({ min: 1, max: 3 })), {
        minLength: 1,
        maxLength: 100,
        size: 'max',
      }),
      (list) => {
        from.clear();
        const sent = list.map(([length, pieces], n) => {
          const bytes = Uint8Array.from({ length }, (_, i) => Math.imul(i + n * 7 + 1, 0x9e3779b1) >>> 24);
          const cut = Math.ceil(length / pieces);
          const parts = Array.from({ length: pieces }, (_, k) => bytes.subarray(k * cut, (k + 1) * cut));
          from.add(parts.filter((part) => part.length > 0));
          return bytes;
        });
        from.send();
        t.true(from.errnos().every((errno) => errno === 0));
        const received = to.collect(sent.length);
        return (
          received.length === sent.length && received.every((bytes, n) => Buffer.compare(bytes, sent[n] ?? bytes) === 0)
        );
      },
    ),
    { seed: 103, numRuns: 60 },
  );
});
