// What a daemon's options change, beside each other: every one of them carries the same traffic.
import { Daemon } from './daemon.js';
import { rooted, twoHosts } from './rooted.js';
import { INNER } from './topology.js';
import { checksumErrors, iperf, ping, streamIsIntact } from './traffic.js';

for (const [mode, options] of [
  ['super', '--no-coalesce'],
  ['wire', '--workers 2'],
  ['super', '--workers 2 --no-coalesce --busy-poll 50'],
] as const) {
  rooted(`pings, four TCP streams and every byte of one pass both ways, ${mode}, ${options}`, async (t) => {
    const topology = await twoHosts(t, { mode });
    const daemon = await Daemon.start(topology, topology.batch, options.split(' '));
    const { a, b } = topology;
    t.is((await ping(a, INNER[4].b)).received, 3);
    for (const reverse of [false, true]) t.true((await iperf(a, b, INNER[4].b, { parallel: 4, reverse })).bytes > 1e6);
    t.true(await streamIsIntact(a, b, INNER[4].b, 16e6));
    t.true(await streamIsIntact(b, a, INNER[4].a, 16e6));
    for (const host of [a, b]) t.deepEqual(await checksumErrors(host), { tcp: 0, udp: 0 });
    t.is((await daemon.stop()).code, 0);
  });
}
