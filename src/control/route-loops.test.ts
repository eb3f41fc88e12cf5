import test from 'ava';
import { CommandError } from '../iproute/commands.js';
import { ENETUNREACH, SystemError } from '../native/errno.js';
import type { Device } from './device-registry.js';
import { RouteLoops } from './route-loops.js';

const OWN = 9;
const device: Device = {
  ...{ index: 3, kind: 'vxlan', fd: -1, fds: [], persist: false, ifindex: OWN, name: 'vx4', madeAs: 'vx4' },
  ...{ nsid: undefined, isNew: true, isRising: false, isGone: false },
};
const PEER = Uint8Array.of(192, 0, 2, 1);

class Host {
  way = OWN;
  up = true;
  time = 0;
  asked = 0;
  readonly loops = new RouteLoops({
    route: () => {
      this.asked++;
      if (this.way === 0) throw new SystemError('RTNETLINK', ENETUNREACH, 'route');
      return { device: this.way };
    },
    isUp: () => this.up,
    now: () => this.time,
  });

  refusal(address: Uint8Array | undefined = PEER, via = 0, which = device): string | undefined {
    try {
      this.loops.refuse(which, address, via, 255);
      return undefined;
    } catch (error) {
      if (error instanceof CommandError) return `${error.message} (${error.exitCode})`;
      throw error;
    }
  }
}

test('a destination that leads back through the device is refused by name, over either family', (t) => {
  const host = new Host();
  t.is(host.refusal(), 'vtep: the way to 192.0.2.1 leads through vx4 itself (255)');
  const six = Uint8Array.of(0xfd, ...new Array<number>(15).fill(0));
  t.is(host.refusal(six), 'vtep: the way to fd00:: leads through vx4 itself (255)');
});

test('another way, none at all, a device that is down or elsewhere, a group and no address are no loops', (t) => {
  const host = new Host();
  host.way = 4;
  t.is(host.refusal(), undefined);
  host.way = 0;
  t.is(host.refusal(Uint8Array.of(192, 0, 2, 2)), undefined);
  host.way = OWN;
  host.time = 1000;
  t.is(host.refusal(Uint8Array.of(0, 0, 0, 0)), undefined);
  t.is(host.refusal(Uint8Array.of(239, 1, 1, 1)), undefined);
  t.is(host.refusal(PEER, 0, { ...device, nsid: 2 }), undefined);
  host.up = false;
  t.is(host.refusal(), undefined);
});

test('what an entry is bound to counts, and not the route', (t) => {
  const host = new Host();
  t.is(host.refusal(PEER, 4), undefined);
  host.way = 4;
  t.regex(host.refusal(PEER, OWN) ?? '', /vx4 itself/);
  t.is(host.asked, 0);
});

test('a batch asks once for a destination, and soon asks again', (t) => {
  const host = new Host();
  for (let n = 0; n < 1000; n++) host.refusal();
  t.is(host.asked, 1);
  host.time = 101;
  host.way = 4;
  t.is(host.refusal(), undefined);
  t.is(host.asked, 2);
  for (let n = 0; n < 3000; n++) host.refusal(Uint8Array.of(10, 0, n >> 8, n & 0xff));
  t.is(host.asked, 3002, 'many are forgotten, and none is wrong');
});
