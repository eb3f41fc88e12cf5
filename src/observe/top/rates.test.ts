import test from 'ava';
import { LATER, OVERVIEW } from '../overview.test.helper.js';
import { ratesBetween } from './rates.js';

test('rates are what grew in a second', (t) => {
  const { seconds, devices, filters, peers, vnis, drops } = ratesBetween(OVERVIEW, LATER);
  t.is(seconds, 2);
  t.like(devices[0], { rx: { packets: 500, bits: 400_000 }, tx: { packets: 0, bits: 0 }, drops: 0 });
  t.like(filters[1], { flow: { packets: 2.5, bits: 2000 }, drops: 2.5 });
  t.like(peers[0], { of: { peer: '10.0.0.1' }, rx: { packets: 300, bits: 240_000 } });
  t.deepEqual(vnis, [
    { device: 'vxlan0', vni: 4, peers: 2, rx: { packets: 500, bits: 400_000 }, tx: { packets: 0, bits: 0 } },
  ]);
  t.deepEqual(
    drops.map(({ of, rate }) => [of.reason, rate]),
    [
      ['unmatched', 7],
      ['tap-down', 3],
      ['tap-gone', 2],
    ],
  );
});

test('a worker’s averages are of the interval, not of all time', (t) => {
  const [worker] = ratesBetween(OVERVIEW, LATER).workers;
  t.like(worker, { load: 0.5, received: 1000, batch: 200, merged: 45, cached: 0.9 });
  t.true(Number.isNaN(ratesBetween(OVERVIEW, OVERVIEW).workers[0]?.batch));
});

test('a counter that began anew grew from 0', (t) => {
  const [device] = ratesBetween(LATER, { ...OVERVIEW, uptime: LATER.uptime + 1 }).devices;
  t.is(device?.rx.packets, 1000);
});
