// The queue of the underlay's socket is full: what that costs is counted, to the datagram, and traffic goes on.
import { Daemon } from './daemon.js';
import { succeed, until } from './process.js';
import { rooted, twoHosts } from './rooted.js';
import { type Host, INNER } from './topology.js';
import { iperf, ping } from './traffic.js';

/** Sends datagrams as fast as it can for three seconds. */
const FLOOD = `
const socket = require('node:dgram').createSocket('udp4');
const end = Date.now() + 3000;
const more = () => {
  if (Date.now() > end) return socket.close();
  for (let n = 0; n < 64; n++) socket.send(Buffer.alloc(1400), 9, '${INNER[4].b}');
  setImmediate(more);
};
more();`;

/** What the sockets of UDP port 4789 have dropped, of both families. */
async function dropped(host: Host): Promise<number> {
  const text = await succeed(host.argv(['cat', '/proc/net/udp', '/proc/net/udp6']));
  const lines = text.split('\n').filter((line) => / [0-9A-F]+:12B5 [0-9A-F]+:0000 /.test(line));
  return lines.reduce((sum, line) => sum + Number(line.trim().split(/\s+/).at(-1)), 0);
}

// Over plain veth packets are the sender's own segments, of which some kernels let no count of drops be copied: they would
// end the thread that receives them.
for (const options of [[], ['--workers', '2', '--no-coalesce']]) {
  rooted(`what a full queue has lost is counted, and TCP goes on, super, ${options.join(' ')}`, async (t) => {
    const topology = await twoHosts(t, { mode: 'super' });
    const daemon = await Daemon.start(topology, topology.batch, options);
    const { a, b } = topology;
    t.is((await ping(a, INNER[4].b)).received, 3);
    const { pid } = daemon.process.child;
    if (pid === undefined) throw new Error('no process');
    const stream = iperf(a, b, INNER[4].b, { seconds: 4, parallel: 4 });
    const flood = a.start(['node', '-e', FLOOD]);
    process.kill(pid, 'SIGSTOP');
    try {
      await until(async () => (await dropped(b)) > 0, 'the queue overflows');
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    t.true((await stream).bytes > 1e6);
    t.is((await flood.exited).code, 0);
    t.is((await ping(a, INNER[4].b)).received, 3);
    const lost = await dropped(b);
    t.true(lost > 0);
    t.is((await daemon.drops())('socket-overflow'), lost);
    t.is((await daemon.stop()).code, 0);
  });
}
