// docs/doctor.md against the program: its tables, and its example as it stands.
import test from 'ava';
import { CHECK_NAMES } from '../../src/cli/doctor/checks.js';
import { PROBE_NAMES } from '../../src/io/probe/probe.js';
import { Daemon } from '../netns/daemon.js';
import { rooted, twoHosts } from '../netns/rooted.js';
import { blocks, read } from './markdown.js';

const PAGE = 'docs/doctor.md';

/** The names in the first column of the tables below a heading. */
function firstColumn(heading: string): string[] {
  const [, section = ''] = read(PAGE).split(`\n## ${heading}\n`);
  const [table = ''] = section.split('\n## ');
  return [...table.matchAll(/^\| (`[^|]*) \|/gm)].flatMap(([, cell = '']) =>
    [...cell.matchAll(/`([a-z-]+)`/g)].map(([, name = '']) => name),
  );
}

test('the page lists every check and every probe, and no other', (t) => {
  t.deepEqual(firstColumn('What the kernel can do'), [...PROBE_NAMES]);
  const checks = firstColumn('What it looks at').filter((name) => name !== 'udp-segmentation');
  t.deepEqual(checks.sort(), [...CHECK_NAMES].sort());
});

rooted('the example prints what the page shows', async (t) => {
  const topology = await twoHosts(t, { mode: 'wire' });
  const daemon = await Daemon.start(topology);
  await topology.b.offloads('vb', 'gro off');
  const [[command = '', ...shown] = []] = blocks(PAGE)
    .filter(({ language }) => language === 'console')
    .map(({ lines }) => lines);
  t.is(command, '$ vtep doctor');
  const { stdout, code } = await daemon.attempt(command.slice('$ vtep '.length));
  t.is(code, 1);
  for (const part of shown.join('\n').split('…')) t.true(stdout.includes(part.trim()), `${part}\n${stdout}`);
});
