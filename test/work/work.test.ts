// The gate on speed that CI can keep: work per packet, over real sockets and a real TAP, against a committed baseline.
// Seconds are what `npm run bench` measures; they are too noisy to fail a build for.
import { release } from 'node:os';
import test from 'ava';
import { isAtLeast } from '../../src/io/probe/kernel-release.js';
import { degraded, improved, readBaseline } from './baseline.js';
import { enterQuietNamespace, WorkLink } from './link.js';
import { SCENARIOS } from './scenarios.js';

const isRoot = process.getuid?.() === 0;
const rooted = isRoot ? test.serial : test.serial.skip;
const suffix = isRoot ? '' : ' (needs root)';
if (isRoot) enterQuietNamespace();

/** Where a TAP takes no UDP super-frames every datagram is a write. */
const takesUdpSuperFrames = isAtLeast(release(), [6, 2, 0]);

for (const [name, run] of Object.entries(SCENARIOS)) {
  const declare = name.startsWith('receive UDP') && !takesUdpSuperFrames ? test.serial.skip : rooted;
  declare(`${name}: no more work per packet than in the baseline${suffix}`, (t) => {
    const link = new WorkLink();
    t.teardown(() => link.close());
    const work = run(link);
    const baseline = readBaseline();
    for (const line of improved(name, work, baseline)) t.log(`better, npm run work writes it: ${line}`);
    t.deepEqual(degraded(name, work, baseline), []);
  });
}

rooted(`coalescing that is lost is found${suffix}`, (t) => {
  const link = new WorkLink();
  t.teardown(() => link.close());
  link.engine.setCoalescing(false);
  const name = 'receive TCP, 1 flow';
  const found = degraded(name, SCENARIOS[name]?.(link) ?? {}, readBaseline());
  t.is(found.length, 1);
  t.regex(found[0] ?? '', /^receive TCP, 1 flow: 1\.0000 TAP writes a frame, 0\.03\d\d in the baseline$/);
});

test('what is missing on either side is told, and so is what is better', (t) => {
  const baseline = { tcp: { calls: 0.1, writes: 0.5 } };
  t.deepEqual(degraded('tcp', { calls: 0.109, writes: 0.5 }, baseline), []);
  t.deepEqual(degraded('tcp', { calls: 0.12, writes: 0.5 }, baseline), ['tcp: 0.1200 calls, 0.1000 in the baseline']);
  t.deepEqual(degraded('tcp', { calls: 0.1 }, baseline), ['tcp: writes is not measured']);
  t.deepEqual(degraded('udp', { calls: 0.1 }, baseline), ['udp: calls is not in the baseline']);
  t.deepEqual(degraded('tcp', { calls: Number.NaN, writes: 0.5 }, baseline), [
    'tcp: NaN calls, 0.1000 in the baseline',
  ]);
  t.deepEqual(improved('tcp', { calls: 0.05, writes: 0.5 }, baseline), ['tcp: 0.0500 calls, 0.1000 in the baseline']);
});
