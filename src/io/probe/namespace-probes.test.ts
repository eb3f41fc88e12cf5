import { rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { enterFreshNamespace, ip, rooted } from '../testing/namespace.js';
import { probeNamespace, probeTap } from './namespace-probes.js';
import { PROBE_NAMES } from './probe.js';

test.before(() => {
  if (process.getuid?.() === 0) enterFreshNamespace();
});

rooted('every probe answers in a namespace of its own, and leaves no device', (t) => {
  ip('link set lo down');
  const found = probeNamespace('/dev/net/tun');
  t.deepEqual(
    found.map(({ name }) => name),
    [...PROBE_NAMES],
  );
  for (const { name, state, sentence } of found)
    t.true(state === 'works' || state === 'missing', `${name}: ${sentence}`);
  t.is(ip('-o link show').trim().split('\n').length, 1);
});

test('a device node that is missing or is none is told with its name', (t) => {
  const [missing] = probeTap('/nonexistent/tun');
  t.is(missing?.state, 'unseen');
  t.is(missing?.sentence, '/nonexistent/tun: No such file or directory');
  const file = join(tmpdir(), `vtep-probe-${process.pid}`);
  writeFileSync(file, '');
  t.teardown(() => rmSync(file));
  const [none] = probeTap(file);
  t.is(none?.state, 'missing');
  t.regex(none?.sentence ?? '', /is no TUN\/TAP device \(ENOTTY\)/);
});
