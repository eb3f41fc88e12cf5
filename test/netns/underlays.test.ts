// The same traffic over each underlay that sends: the kernel's vxlan device on host A, vtep on host B.
import { Daemon } from './daemon.js';
import { rooted, twoHosts } from './rooted.js';
import { INNER, type Topology } from './topology.js';
import { checksumErrors, iperf, ping, streamIsIntact } from './traffic.js';

/** The topology's batch with these words behind the vxlan device's options. */
function withUnderlay({ batch }: Topology, words: string): string[] {
  return batch.map((line) => (line.includes('type vxlan') ? `${line} ${words}` : line));
}

for (const underlay of [4, 6] as const) {
  for (const mode of ['super', 'wire'] as const) {
    rooted(`underlay raw carries ping, TCP both ways and every byte, outer IPv${underlay}, ${mode}`, async (t) => {
      const topology = await twoHosts(t, { mode, underlay });
      const { a, b } = topology;
      await Daemon.start(topology, withUnderlay(topology, 'underlay raw'));
      t.is((await ping(a, INNER[4].b)).received, 3);
      t.is((await ping(b, INNER[4].a)).received, 3);
      const receive = await iperf(a, b, INNER[4].b);
      const transmit = await iperf(a, b, INNER[4].b, { reverse: true });
      t.log(`receive ${(receive.bitsPerSecond / 1e9).toFixed(2)} Gb/s, transmit ${(transmit.bitsPerSecond / 1e9).toFixed(2)}`);
      t.true(receive.bytes > 1e7, `received ${receive.bytes} bytes`);
      t.true(transmit.bytes > 1e7, `transmitted ${transmit.bytes} bytes`);
      t.true(await streamIsIntact(a, b, INNER[4].b, 16e6));
      t.true(await streamIsIntact(b, a, INNER[4].a, 16e6));
      t.deepEqual(await checksumErrors(a), { tcp: 0, udp: 0 }, 'host A');
      t.deepEqual(await checksumErrors(b), { tcp: 0, udp: 0 }, 'host B');
    });
  }
}
