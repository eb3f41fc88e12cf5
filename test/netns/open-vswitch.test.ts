// Interoperability: Open vSwitch's userspace datapath on host A, vtep on host B. (apt-get install openvswitch-switch)
import test from 'ava';
import { Daemon } from './daemon.js';
import { openVswitchMissing, startOpenVswitch } from './open-vswitch.js';
import { rooted, twoHosts } from './rooted.js';
import { INNER } from './topology.js';
import { checksumErrors, iperf, ping, streamIsIntact } from './traffic.js';

const missing = openVswitchMissing();

for (const underlay of ['udp', 'raw'] as const) {
  for (const family of [4, 6] as const) {
    const title = `Open vSwitch and vtep carry ping, TCP both ways and every byte, underlay ${underlay}, outer IPv${family}`;
    if (missing !== undefined) {
      test.skip(`${title} (${missing})`, () => undefined);
      continue;
    }
    rooted(title, async (t) => {
      // Packets of wire size with real checksums: Open vSwitch takes no others from a packet socket.
      const topology = await twoHosts(t, { mode: 'wire', underlay: family });
      const { a, b } = topology;
      await startOpenVswitch(topology);
      const lines = topology.batch.map((line) =>
        line.includes('type vxlan') && underlay === 'raw' ? `${line} underlay raw` : line,
      );
      const daemon = await Daemon.start(topology, lines);
      // The first ones may be lost to the neighbour discovery of Open vSwitch's own.
      while ((await ping(a, INNER[4].b, { count: 1 })).received === 0);
      t.is((await ping(a, INNER[4].b)).received, 3);
      t.is((await ping(b, INNER[4].a)).received, 3);
      t.is((await ping(b, INNER[4].a, { size: 1422 })).received, 3, 'full MTU');
      const receive = await iperf(a, b, INNER[4].b);
      const transmit = await iperf(a, b, INNER[4].b, { reverse: true });
      t.log(
        `receive ${(receive.bitsPerSecond / 1e9).toFixed(2)} Gb/s, transmit ${(transmit.bitsPerSecond / 1e9).toFixed(2)} Gb/s`,
      );
      t.true(receive.bytes > 1e6, `received ${receive.bytes} bytes`);
      t.true(transmit.bytes > 1e6, `transmitted ${transmit.bytes} bytes`);
      t.true(await streamIsIntact(a, b, INNER[4].b, 4e6));
      t.true(await streamIsIntact(b, a, INNER[4].a, 4e6));
      t.deepEqual(await checksumErrors(b), { tcp: 0, udp: 0 });
      t.is((await daemon.drops())('outer-checksum'), 0);
    });
  }
}
