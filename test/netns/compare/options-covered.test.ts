// Every option of a vxlan device is compared with the kernel's, or docs/differences.md names it.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import test from 'ava';
import { vxlanWords } from '../../../src/iproute/parse-vxlan.js';
import { deviceLines } from './endpoint.js';
import { ROWS } from './rows.js';

const TOPOLOGY = { outer: { a: '192.168.1.14', b: '192.168.1.13' } };

function compared(): Set<string> {
  const lines = ROWS.flatMap((row) => deviceLines(row, TOPOLOGY));
  return new Set(lines.flatMap((line) => line.slice(line.indexOf(' vxlan ') + 7).split(/\s+/)));
}

/** What docs/differences.md speaks of in code. */
function named(): Set<string> {
  const page = readFileSync(new URL('../../../../docs/differences.md', import.meta.url), 'utf8');
  return new Set([...page.matchAll(/`([^`]+)`/g)].flatMap(([, code = '']) => code.split(/[\s|\\]+/)));
}

/** Options, each with its second names, that are in neither. */
function missing(options: readonly string[]): string[] {
  const known = new Set([...compared(), ...named()]);
  return options.filter((option) => !option.split('/').some((name) => known.has(name)));
}

/** `[no]x` of a usage is two options; what is in capitals is a value. */
function optionsOf(usage: string): string[] {
  const [words = ''] = usage.split('Where:');
  const options = [...words.matchAll(/\[no\]([a-z0-9_]+)/g)].flatMap(([, word = '']) => [word, `no${word}`]);
  const others = words.replaceAll(/\[no\][a-z0-9_]+/g, '').match(/\b[a-z][a-z0-9_]*\b/g) ?? [];
  return [...options, ...others].filter((word) => word !== 'vxlan');
}

test('every option of the grammar is compared, or differences.md names it', (t) => {
  t.true(vxlanWords.length > 30);
  t.deepEqual(missing(vxlanWords.filter((word) => word !== 'help')), []);
});

const help = spawnSync('ip', ['link', 'help', 'vxlan'], { encoding: 'utf8' });
const ifIp = help.error === undefined ? test : test.skip;

ifIp('every option that the machine’s ip knows is compared, or differences.md names it', (t) => {
  const { stderr, stdout } = help;
  const options = optionsOf(`${stderr}${stdout}`.replace('Usage:', ''));
  t.true(options.includes('noproxy') && options.includes('ttl') && options.length > 30, options.join(' '));
  t.deepEqual(missing(options), []);
});

test('an option that nobody compares is found', (t) => {
  t.deepEqual(missing(['dstport', 'teleport', 'id/vni', 'noteleport/untele']), ['teleport', 'noteleport/untele']);
});
