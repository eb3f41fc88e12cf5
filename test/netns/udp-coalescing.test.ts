// UDP datagrams that vtep merges before it writes them reach a plain socket as the datagrams that were sent.
import { createHash } from 'node:crypto';
import { Daemon } from './daemon.js';
import { succeed } from './process.js';
import { rooted, twoHosts } from './rooted.js';
import { pattern } from './tools/pattern.js';
import { INNER } from './topology.js';
import { checksumErrors } from './traffic.js';

const SIZE = 1000;
const COUNT = 60;

/** The lines that datagram-sink prints of them: all of one size, but the last. */
function expected(length: number): string[] {
  const lines: string[] = [];
  for (let at = 0; at < length; at += SIZE) {
    const bytes = Uint8Array.from({ length: Math.min(SIZE, length - at) }, (_, i) => pattern(at + i));
    lines.push(`${bytes.length} ${createHash('sha1').update(bytes).digest('hex')}`);
  }
  return lines;
}

for (const mode of ['wire', 'super'] as const) {
  rooted(`datagrams of one flow arrive whole and in order, ${mode}`, async (t) => {
    const topology = await twoHosts(t, { mode });
    const { a, b } = topology;
    await Daemon.start(topology);
    const length = (COUNT - 1) * SIZE + 500;
    const sink = b.start(b.tool('datagram-sink', INNER[4].b, '7200', String(COUNT)));
    await sink.waitFor(/^listening/m);
    await succeed(a.argv(a.tool('send-segmented', INNER[4].b, '7200', String(SIZE), String(length))));
    const { stdout } = await sink.exited;
    t.deepEqual(stdout.trim().split('\n').slice(1), expected(length));
    t.deepEqual(await checksumErrors(b), { tcp: 0, udp: 0 });
  });
}
