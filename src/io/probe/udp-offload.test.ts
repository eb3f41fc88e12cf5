import test from 'ava';
import { EADDRNOTAVAIL, EINVAL, EIO, SystemError } from '../../native/errno.js';
import { enterFreshNamespace, ip, OtherNamespace, rooted } from '../testing/namespace.js';
import { type Arrived, LoopbackPair } from './loopback-pair.js';
import { conclude } from './start-probes.js';
import { type BundleLink, probeUdpOffload } from './udp-offload.js';

const ENOPROTOOPT = 92;

test.before(() => {
  if (process.getuid?.() === 0) enterFreshNamespace();
});

/** A kernel that does it right, unless told otherwise. */
class FakeKernel implements BundleLink {
  closed = 0;
  private takesBundles = false;
  private waiting: Arrived[] = [];
  private readonly faults: Partial<{
    segment: number;
    gro: number;
    send(bytes: Uint8Array): number | undefined;
    cut(pieces: Uint8Array[]): Uint8Array[];
    merges: boolean;
    mergedSize: number;
  }>;

  constructor(faults: FakeKernel['faults'] = {}) {
    this.faults = faults;
  }

  setBundles(on: boolean): number {
    this.takesBundles = on;
    return this.faults.gro ?? 0;
  }

  askSegmentation(): number {
    return this.faults.segment ?? 0;
  }

  send(bytes: Uint8Array, segmentSize: number): number {
    const refusal = this.faults.send?.(bytes);
    if (refusal !== undefined) return refusal;
    const pieces: Uint8Array[] = [];
    for (let at = 0; at < bytes.length; at += segmentSize) pieces.push(bytes.slice(at, at + segmentSize));
    if (this.takesBundles && this.faults.merges !== false) {
      this.waiting = [{ bytes, segmentSize: this.faults.mergedSize ?? segmentSize }];
    } else {
      const cut = this.faults.cut?.(pieces) ?? pieces;
      this.waiting = cut.map((piece) => ({ bytes: piece, segmentSize: 0 }));
    }
    return bytes.length;
  }

  receive(): readonly Arrived[] {
    return this.waiting.splice(0);
  }

  close(): void {
    this.closed++;
  }
}

function states(kernel: FakeKernel, release = '6.18.44'): string[] {
  const { segmentation, bundles } = probeUdpOffload(() => kernel, release);
  return [segmentation.state, bundles.state];
}

test('a kernel that does what it says works both ways, and the sockets are closed', (t) => {
  const kernel = new FakeKernel();
  t.deepEqual(states(kernel), ['works', 'works']);
  t.is(kernel.closed, 1);
});

test('the kernel of this machine works, or is of another opinion for a reason', (t) => {
  const { segmentation, bundles } = probeUdpOffload();
  for (const { state, sentence } of [segmentation, bundles]) t.not(state, 'faulty', sentence);
});

test('what a kernel does not know is missing', (t) => {
  t.deepEqual(states(new FakeKernel({ segment: -ENOPROTOOPT })), ['missing', 'unseen']);
  t.deepEqual(states(new FakeKernel({ gro: -ENOPROTOOPT })), ['works', 'missing']);
  t.deepEqual(states(new FakeKernel({ send: () => -EIO })), ['missing', 'unseen']);
});

test('bundles that are damaged are found, whichever way', (t) => {
  const flip = (pieces: Uint8Array[]): Uint8Array[] => {
    const [first = new Uint8Array(1)] = pieces;
    first[17] = (first[17] ?? 0) ^ 1;
    return pieces;
  };
  t.deepEqual(states(new FakeKernel({ cut: flip })), ['faulty', 'unseen']);
  t.deepEqual(states(new FakeKernel({ cut: (pieces) => [Uint8Array.from(pieces.flatMap((each) => [...each]))] })), [
    'faulty',
    'unseen',
  ]);
  t.deepEqual(states(new FakeKernel({ cut: (pieces) => pieces.slice(1) })), ['faulty', 'unseen']);
  t.deepEqual(states(new FakeKernel({ mergedSize: 999 })), ['works', 'faulty']);
});

test('one that damages only bundles with a shorter last segment is found', (t) => {
  const cut = (pieces: Uint8Array[]): Uint8Array[] => (pieces.at(-1)?.length === 300 ? pieces.slice(0, -1) : pieces);
  t.deepEqual(states(new FakeKernel({ cut })), ['faulty', 'unseen']);
});

test('a kernel that refuses shorter last segments (6.6.44) is worked around, and it is said', (t) => {
  const send = (bytes: Uint8Array): number | undefined => (bytes.length % 1000 === 0 ? undefined : -EINVAL);
  const { segmentation } = probeUdpOffload(() => new FakeKernel({ send }), '6.6.44');
  t.is(segmentation.state, 'works');
  t.regex(segmentation.sentence, /EINVAL, a known fault of this release/);
});

test('a release that is known to damage equal segments is faulty, whatever loopback shows', (t) => {
  for (const open of [
    () => new FakeKernel(),
    () => {
      throw new SystemError('bind', EADDRNOTAVAIL, '127.0.0.1');
    },
  ]) {
    const { segmentation, bundles } = probeUdpOffload(open, '7.1.4');
    t.is(segmentation.state, 'faulty');
    const conclusion = conclude({ segmentation, bundles });
    t.false(conclusion.sendsBundles);
    t.true(conclusion.takesBundles);
    t.deepEqual(conclusion.notes, [segmentation.sentence]);
  }
});

test('without loopback the release decides, and nothing is said of what could not be tried', (t) => {
  const open = (): BundleLink => {
    throw new SystemError('bind', EADDRNOTAVAIL, '127.0.0.1');
  };
  const modern = probeUdpOffload(open, '6.1.0');
  t.deepEqual([modern.segmentation.state, modern.bundles.state], ['unseen', 'unseen']);
  t.deepEqual(conclude(modern), { sendsBundles: true, takesBundles: true, notes: [] });
  const old = probeUdpOffload(open, '4.18.0');
  t.deepEqual([old.segmentation.state, old.bundles.state], ['unseen', 'missing']);
  t.deepEqual(conclude(old), { sendsBundles: true, takesBundles: false, notes: ['Linux 4.18.0 has no UDP_GRO'] });
});

test('what does not arrive (a firewall on loopback) is no fault of the kernel', (t) => {
  t.deepEqual(states(new FakeKernel({ cut: () => [] })), ['unseen', 'unseen']);
});

rooted('over real loopback bundles are cut, merged and told apart', (t) => {
  const pair = new LoopbackPair();
  t.teardown(() => pair.close());
  const bytes = Uint8Array.from({ length: 250 }, (_, at) => at);
  t.is(pair.send(bytes, 100), 250);
  t.deepEqual(
    pair.receive(250).map((each) => [each.bytes.length, each.segmentSize]),
    [
      [100, 0],
      [100, 0],
      [50, 0],
    ],
  );
  t.is(pair.setBundles(true), 0);
  t.is(pair.send(bytes, 100), 250);
  t.deepEqual(pair.receive(250), [{ bytes, segmentSize: 100 }]);
  t.deepEqual(pair.receive(1), []);
});

rooted('a namespace whose loopback is down has none', (t) => {
  const other = new OtherNamespace();
  t.teardown(() => other.close());
  other.inside(() => {
    const { segmentation } = probeUdpOffload();
    t.is(segmentation.state, 'unseen');
    t.regex(segmentation.sentence, /could not be tried over loopback/);
    ip('link set lo up');
    t.is(probeUdpOffload().segmentation.state, 'works');
  });
});
