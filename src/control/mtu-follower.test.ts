import test from 'ava';
import type { Link } from '../io/rtnetlink/link.js';
import type { VxlanOptions } from '../iproute/commands.js';
import { ENETUNREACH, SystemError } from '../native/errno.js';
import type { Device } from './device-registry.js';
import { MtuFollower } from './mtu-follower.js';
import { type UnderlaySource, underlayMtu, vxlanMtu } from './vxlan-mtu.js';

const PLAIN: VxlanOptions = {
  external: true,
  dstport: 4789,
  udpcsum: true,
  udp6zerocsumtx: false,
  udp6zerocsumrx: false,
};
const FOUR = Uint8Array.of(192, 0, 2, 1);
const SIX = Uint8Array.of(0x20, 1, 0xd, 0xb8, ...new Array<number>(12).fill(1));
const DEVICE: Device = {
  index: 3,
  kind: 'vxlan',
  fd: -1,
  fds: [],
  persist: false,
  ifindex: 9,
  name: 'vxlan0',
  madeAs: 'vxlan0',
  nsid: undefined,
  isNew: true,
  isRising: false,
  isGone: false,
};

/** A host with one device below, and a vxlan device above. */
class FakeHost implements UnderlaySource {
  lowerMtu = 1500;
  lowerName = 'eth0';
  /** MTU of the route itself. */
  routeMtu: number | undefined;
  isThere = true;
  hasRoute = true;
  mtu: number | undefined = 1500;
  readonly said: string[] = [];
  /** How often changes of routes were asked for. */
  routesAsked = 0;
  readonly follower = new MtuFollower(this, {
    mtu: () => this.mtu,
    setMtu: (_, mtu) => {
      this.mtu = mtu;
      return true;
    },
    followRoutes: () => void this.routesAsked++,
    log: (line) => void this.said.push(line),
  });

  link(which: number | string): Link | undefined {
    if (!this.isThere || (which !== 4 && which !== this.lowerName)) return undefined;
    return {
      index: 4,
      name: this.lowerName,
      flags: 0,
      up: true,
      lowerUp: true,
      mtu: this.lowerMtu,
      address: new Uint8Array(6),
      alias: '',
      kind: '',
      lower: 0,
      master: 0,
    };
  }

  route(): { device: number; mtu: number; source: Uint8Array } {
    if (!this.hasRoute) throw new SystemError('RTNETLINK', ENETUNREACH, 'route');
    return { device: 4, mtu: this.routeMtu ?? this.lowerMtu, source: FOUR };
  }

  deviceOf(address: Uint8Array): number | undefined {
    return `${address}` === `${FOUR}` ? 4 : undefined;
  }

  /** As a new device is made. */
  make(options: VxlanOptions, wanted?: number): void {
    const underlay = underlayMtu(this, options);
    const mtu = vxlanMtu(wanted, underlay);
    this.mtu = mtu ?? 1500;
    this.follower.begin(DEVICE, underlay, wanted, mtu);
  }
}

test('a new device has what its lower device leaves, and no more', (t) => {
  const mtuOf = (options: Partial<VxlanOptions>, wanted?: number): number | undefined => {
    const host = new FakeHost();
    host.make({ ...PLAIN, ...options }, wanted);
    return host.mtu;
  };
  t.is(mtuOf({ dev: 'eth0' }), 1450);
  t.is(mtuOf({ dev: 'eth0', local: SIX }), 1430);
  t.is(mtuOf({ dev: 'eth0', remote: SIX }), 1430);
  t.is(mtuOf({ dev: 'eth0' }, 1400), 1400);
  t.is(mtuOf({ dev: 'eth0' }, 9000), 1450);
  t.is(mtuOf({ remote: FOUR }), 1450);
  t.is(mtuOf({ remote: SIX }), 1430);
  t.is(mtuOf({ remote: FOUR }, 9000), 9000, 'without dev what is asked for is what one gets, as in the kernel');
  t.is(mtuOf({ local: FOUR }), 1450, 'what has the address');
  t.is(mtuOf({ local: SIX }), 1500, 'nothing has it');
  t.is(mtuOf({}), 1500);
  t.is(mtuOf({ remote: new Uint8Array(4) }), 1500);
  t.throws(() => mtuOf({ dev: 'eth1' }), { message: /eth1/ });
});

test('a route of its own MTU counts, one that is not there does not, nor does this host itself', (t) => {
  const host = new FakeHost();
  host.routeMtu = 1300;
  host.make({ ...PLAIN, remote: FOUR });
  t.is(host.mtu, 1250);
  host.hasRoute = false;
  host.make({ ...PLAIN, remote: FOUR });
  t.is(host.mtu, 1500);
  host.hasRoute = true;
  host.lowerName = 'lo';
  host.make({ ...PLAIN, remote: FOUR });
  t.is(host.mtu, 1500);
});

test('without dev a device has no more than 1,500 by itself, with it whatever there is', (t) => {
  const host = new FakeHost();
  host.lowerMtu = 9000;
  host.make({ ...PLAIN, remote: FOUR });
  t.is(host.mtu, 1500);
  host.make({ ...PLAIN, dev: 'eth0' });
  t.is(host.mtu, 8950);
});

test('the MTU follows the lower device down and up, and is said once each time', (t) => {
  const host = new FakeHost();
  const options = { ...PLAIN, dev: 'eth0' };
  host.make(options);
  for (const mtu of [1400, 1400, 9000, 100]) {
    host.lowerMtu = mtu;
    host.follower.follow(DEVICE, options);
    host.follower.follow(DEVICE, options);
  }
  t.is(host.mtu, 68);
  t.deepEqual(host.said, [
    'vxlan0: MTU 1450, which is what eth0 (1500) leaves',
    'vxlan0: MTU 1350 instead of 1450, since eth0 has 1400 now',
    'vxlan0: MTU 8950 instead of 1350, since eth0 has 9000 now',
    'vxlan0: MTU 68 instead of 8950, since eth0 has 100 now',
  ]);
});

test('an MTU that somebody chose stays, unless it no longer fits below', (t) => {
  const host = new FakeHost();
  const options = { ...PLAIN, dev: 'eth0' };
  host.make(options, 1300);
  t.deepEqual(host.said, []);
  host.lowerMtu = 1400;
  host.follower.follow(DEVICE, options);
  t.is(host.mtu, 1300);
  host.lowerMtu = 1200;
  host.follower.follow(DEVICE, options);
  t.is(host.mtu, 1150);
  t.deepEqual(host.said, ['vxlan0: MTU 1150 instead of 1300, since eth0 has 1200 now']);
});

test('what is asked for beyond the lower device is said to be less', (t) => {
  const host = new FakeHost();
  host.make({ ...PLAIN, dev: 'eth0' }, 2000);
  t.deepEqual(host.said, ['vxlan0: MTU 1450 instead of 2000, which is what eth0 (1500) leaves']);
});

test('a lower device that is gone, or a route, changes nothing', (t) => {
  for (const options of [
    { ...PLAIN, dev: 'eth0' },
    { ...PLAIN, remote: FOUR },
  ]) {
    const host = new FakeHost();
    host.make(options);
    host.isThere = false;
    host.hasRoute = false;
    host.follower.follow(DEVICE, options);
    t.is(host.mtu, 1450);
  }
});

test('what stands on a link is known, until the device ends', (t) => {
  const host = new FakeHost();
  host.make({ ...PLAIN, dev: 'eth0' });
  t.true(host.follower.concerns(DEVICE, 4));
  t.false(host.follower.concerns(DEVICE, 5));
  host.follower.end(DEVICE);
  t.false(host.follower.concerns(DEVICE, 4));
});

test('routes are followed from the first device on that goes by one, and not for those of a dev', (t) => {
  const host = new FakeHost();
  const begin = (index: number, options: VxlanOptions): void => {
    const underlay = underlayMtu(host, options);
    host.follower.begin({ ...DEVICE, index }, underlay, undefined, underlay?.mtu);
  };
  begin(1, { ...PLAIN, dev: 'eth0' });
  t.is(host.routesAsked, 0);
  t.false(host.follower.goesByRoute({ ...DEVICE, index: 1 }));
  begin(2, { ...PLAIN, remote: FOUR });
  begin(3, { ...PLAIN, remote: FOUR });
  t.is(host.routesAsked, 1);
  t.true(host.follower.goesByRoute({ ...DEVICE, index: 3 }));
});

test('a device whose remote is behind itself keeps its MTU, and says so once each time', (t) => {
  const host = new FakeHost();
  const options = { ...PLAIN, remote: FOUR };
  host.make(options);
  const before = host.said.length;
  // The route leads through interface 4: from now on that is the device.
  const own = { ...DEVICE, ifindex: 4 };
  for (const mtu of [1400, 1350, 1300]) {
    host.routeMtu = mtu;
    host.follower.follow(own, options);
  }
  t.is(host.mtu, 1450);
  t.deepEqual(host.said.slice(before), [
    'vxlan0: the way to its remote leads through vxlan0 itself: nothing is sent there',
  ]);
  host.follower.follow(DEVICE, options);
  t.is(host.mtu, 1250, 'the way is another one again');
  host.follower.follow(own, options);
  t.is(host.said.length, before + 3);
});
