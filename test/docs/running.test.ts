// docs/running.md against the unit and the program: nothing here needs rights.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { lastWords } from '../../src/control/last-words.js';
import { reportSentence } from '../../src/control/restore-state.js';
import { Counters, WorkCounter } from '../../src/memory/counters.js';
import { blocks, read } from './markdown.js';

const PAGE = 'docs/running.md';
const UNIT = read('contrib/systemd/vtep@.service');

const analyzed = spawnSync('systemd-analyze', ['--version']).status === 0 ? test : test.skip;
const dropIns = blocks(PAGE).filter(({ language }) => language === 'ini');

test('every drop-in of the page fits the unit', (t) => {
  t.true(dropIns.length >= 2);
  for (const { lines } of dropIns)
    for (const [, name = ''] of lines.join('\n').matchAll(/^(\w+)=/gm)) t.regex(UNIT, new RegExp(`^${name}=`, 'm'));
});

analyzed('systemd finds nothing wrong with the unit and the drop-ins of the page together', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'vtep-unit-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'vtep@main.service'), UNIT.replaceAll('/usr/local/bin/vtep', process.execPath));
  mkdirSync(join(folder, 'vtep@main.service.d'));
  for (const [n, { lines }] of dropIns.entries())
    writeFileSync(join(folder, `vtep@main.service.d/${n}.conf`), `${lines.join('\n')}\n`);
  const env = { ...process.env, SYSTEMD_UNIT_PATH: `${folder}:` };
  const words = ['verify', '--man=no', join(folder, 'vtep@main.service')];
  const { stdout, stderr } = spawnSync('systemd-analyze', words, { encoding: 'utf8', env });
  t.deepEqual(
    `${stdout}${stderr}`.split('\n').filter((line) => line.includes('vtep@')),
    [],
  );
});

test('the installation copies the unit to where its instances are looked for', (t) => {
  const lines = blocks(PAGE).find(({ language }) => language === 'sh')?.lines ?? [];
  const [, from = '', to = ''] = /^cp (\S+) (\S+)$/.exec(lines[0] ?? '') ?? [];
  t.is(read(from), UNIT);
  t.is(to, '/etc/systemd/system/');
  const [, name] = / (vtep@\w+) /.exec(`${lines.find((line) => line.startsWith('systemctl status'))} `) ?? [];
  t.is(name, 'vtep@main');
  t.true(lines.some((line) => line.endsWith('/etc/vtep/main.batch')));
  t.true(UNIT.includes('/etc/vtep/%i.batch'));
});

test('the unit starts and reloads vtep with commands and options that there are', (t) => {
  const vtep = fileURLToPath(new URL('../../../bin/vtep', import.meta.url));
  const commands = [...UNIT.matchAll(/^Exec\w+=\/usr\/local\/bin\/vtep (\w+)(.*)$/gm)];
  t.deepEqual(
    commands.map(([, command]) => command),
    ['run', 'reload'],
  );
  for (const [, command = '', rest = ''] of commands) {
    const { stdout } = spawnSync(vtep, [command, '--help'], { encoding: 'utf8' });
    for (const [, option = ''] of rest.matchAll(/ (--?[a-z][a-z-]*)/g))
      t.regex(stdout, new RegExp(`(^|[ ,])${option}[ ,]`, 'm'), `${command} ${option}`);
  }
});

test('what the page prints of the log is what the log says', (t) => {
  const counters = new Counters();
  counters.work(WorkCounter.RECEIVED_DATAGRAMS, 41_805);
  counters.work(WorkCounter.SENT_DATAGRAMS, 120);
  counters.work(WorkCounter.TAP_FRAMES_READ, 118);
  const row = { reason: 'unknown-vni', verdict: 'drop', device: 'vxlan0', count: 2, sentence: '' } as const;
  t.true(read(PAGE).includes(`\nvtep: ${lastWords([counters], [row])}\n`));
  const unknown = { devices: 0, actions: 0, entries: 0 };
  const sentence = reportSentence({ devices: 2, actions: 4, entries: 12, aged: 3, unknown });
  t.true(read(PAGE).includes(`\nvtep: /var/lib/vtep/main.state: ${sentence}\n`), sentence);
});
