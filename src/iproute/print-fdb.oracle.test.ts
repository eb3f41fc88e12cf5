/** Forwarding entries and VNI filters against the system's bridge, on devices of the kernel. */
import test from 'ava';
import fc from 'fast-check';
import { kernelFdbEntry } from './arbitrary-vxlan.test.helper.js';
import type { OutputOptions } from './commands.js';
import { fdbCommand, vniCommand } from './fdb-command.js';
import { type FdbEntry, isFdbFlushed, isFdbShown, reportedFdbEntry, type VniState } from './fdb-types.js';
import { hasKernelVxlan, quote, runInNamespace } from './kernel-oracle.test.helper.js';
import { formatHex } from './numbers.js';
import { parseLine } from './parse.js';
import { printFdb } from './print-fdb.js';
import { printVnis } from './print-vni.js';

const ENTRIES = 150;
const ifOracle = hasKernelVxlan ? test : test.skip;
const plain: OutputOptions = { statistics: false, details: false, json: false, pretty: false };
const outputs: readonly (readonly [options: string, output: OutputOptions])[] = [
  ['', plain],
  ['-d', { ...plain, details: true }],
  ['-s', { ...plain, statistics: true }],
  ['-j', { ...plain, json: true }],
  ['-s -j -p', { ...plain, statistics: true, json: true, pretty: true }],
];

const devices = [
  { name: 'vtepx', external: false, id: 4, dstport: 4789, words: 'id 4' },
  { name: 'vtepy', external: true, dstport: 4789, words: 'external' },
] as const;

function commands(lines: readonly (readonly string[])[], tool = 'bridge'): string {
  return lines.map((words) => `${tool} ${words.map(quote).join(' ')}`).join('\n');
}

function make({ name, words }: (typeof devices)[number]): string {
  return `ip tuntap add vtept mode tap 2>&1; ip link add ${name} type vxlan ${words} dstport 4789`;
}

/** Each MAC once: what further destinations of one come to depends on order. */
function entriesOf({ name, external }: (typeof devices)[number], seed: number): FdbEntry[] {
  const all = fc.sample(kernelFdbEntry(name, 'vtept', external), { numRuns: ENTRIES, seed });
  return [...new Map(all.map((entry) => [formatHex(entry.mac), entry])).values()];
}

/** The kernel's order is that of its hash. Times are none of the matter: the entries are seconds old at most. */
function sortedLines(text: string): string[] {
  return text
    .replaceAll(/used \d+\/\d+/g, 'used 0/0')
    .split('\n')
    .sort();
}

function sortedItems(json: string): string[] {
  const timeless = json.trimEnd().replaceAll(/"(used|updated)":( ?)\d+/g, '"$1":$20');
  return timeless
    .slice(1, -1)
    .trim()
    .split(/(?<=\}),(?=\{)/)
    .sort();
}

for (const device of devices) {
  const { name } = device;
  const entries = entriesOf(device, device.external ? 41 : 42);

  ifOracle(`Entries of a device with ${device.words} print as the bridge of the system prints the kernel's`, (t) => {
    const scripts = outputs.flatMap(([options]) => [
      `bridge ${options} fdb show dev ${name}`,
      `bridge ${options} fdb show | grep -v 'dev vtept '`,
    ]);
    const shown = runInNamespace([`${make(device)}\n${commands(entries.map((one) => fdbCommand(one)))}`, ...scripts]);
    const state = entries.map((entry) => ({ ...reportedFdbEntry(entry, device), used: 0, updated: 0 }));
    for (const [i, [options, { json, ...output }]] of outputs.entries()) {
      const ours = printFdb(state, { dev: name }, { ...output, json });
      const theirs = shown[1 + 2 * i] ?? '';
      if (json) {
        t.deepEqual(sortedItems(ours), sortedItems(theirs), options);
        t.deepEqual([ours.slice(0, 3), ours.slice(-3)], [theirs.slice(0, 3), theirs.slice(-3)], options);
      } else {
        t.deepEqual(sortedLines(ours), sortedLines(theirs), options);
        t.deepEqual(sortedLines(printFdb(state, {}, { ...output, json })), sortedLines(shown[2 + 2 * i] ?? ''));
      }
    }
  });

  ifOracle(`Of a device with ${device.words} show and flush mean the same entries as the system's bridge`, (t) => {
    const shows = [
      'state permanent',
      'state static',
      'state dynamic',
      'dynamic',
      'state perm state reach',
      'state 0x40',
    ];
    const flushes = [
      ...['', 'permanent', 'nopermanent', 'static', 'nostatic', 'dynamic', 'nodynamic', 'static nopermanent'],
      ...['dynamic static', 'static permanent', 'nopermanent nostatic', 'extern_learn', 'noextern_learn static'],
    ];
    const some = entries.slice(0, 40);
    const fill = commands(some.map((one) => fdbCommand(one)));
    const shown = runInNamespace([
      `${make(device)}\nfill() {\n${fill}\n}\nfill`,
      ...shows.map((words) => `bridge fdb show dev ${name} ${words}`),
      ...flushes.map(
        (words) =>
          `bridge fdb flush dev ${name}; fill; bridge fdb flush dev ${name} ${words}; bridge fdb show dev ${name}`,
      ),
    ]);
    const print = (left: readonly FdbEntry[]): string[] =>
      sortedLines(
        printFdb(
          left.map((entry) => ({ ...reportedFdbEntry(entry, device), used: 0, updated: 0 })),
          { dev: name },
          plain,
        ),
      );
    for (const [i, words] of shows.entries()) {
      const command = parseLine('bridge', ['fdb', 'show', 'dev', name, ...words.split(' ')]);
      const left = some.filter((entry) => command.kind === 'fdb-show' && isFdbShown(entry, command.selector));
      t.deepEqual(print(left), sortedLines(shown[1 + i] ?? ''), words);
    }
    for (const [i, words] of flushes.entries()) {
      const command = parseLine('bridge', [
        'fdb',
        'flush',
        'dev',
        name,
        ...words.split(' ').filter((word) => word !== ''),
      ]);
      const left = some.filter((entry) => command.kind === 'fdb-flush' && !isFdbFlushed(entry, command.flush));
      t.deepEqual(print(left), sortedLines(shown[1 + shows.length + i] ?? ''), words);
    }
  });
}

ifOracle('VNI filters print as the bridge of the system prints the kernel’s', (t) => {
  const none = { rxBytes: 0, rxPackets: 0, rxDrops: 0, rxErrors: 0, txBytes: 0, txPackets: 0, txDrops: 0, txErrors: 0 };
  const remotes = [undefined, Uint8Array.of(10, 0, 0, 1), Uint8Array.of(239, 1, 1, 1)];
  const vnis: VniState[] = [];
  const lines: string[][] = [];
  for (const [dev, first] of [
    ['vtepx', 1],
    ['vtep-long-name-', 16_000_000],
  ] as const) {
    for (let i = 0; i < 12; i++) {
      // Runs, single ones and gaps.
      const range = {
        first: first + 10 * i + (i % 3 === 1 ? 1 : 0),
        last: first + 10 * i + (i % 4) + (i % 3 === 1 ? 1 : 0),
      };
      const remote = remotes[i % remotes.length];
      lines.push(vniCommand(dev, [range], remote));
      for (let vni = range.first; vni <= range.last; vni++) {
        vnis.push({ dev, vni, ...(remote !== undefined && { remote }), statistics: none });
      }
    }
  }
  const setUp =
    'ip tuntap add vtept mode tap; ip link add vtepx type vxlan external vnifilter dev vtept dstport 4789; ' +
    'ip link add vtep-long-name- type vxlan external vnifilter dev vtept dstport 4790';
  const shown = runInNamespace([
    `${setUp}\n${commands(lines)}`,
    ...outputs.flatMap(([options]) => [`bridge ${options} vni show`, `bridge ${options} vni show dev vtepx`]),
  ]);
  t.is(vnis.length, 60);
  for (const [i, [options, output]] of outputs.entries()) {
    t.is(printVnis(vnis, output), shown[1 + 2 * i] ?? '', options);
    const own = vnis.filter(({ dev }) => dev === 'vtepx');
    t.is(printVnis(own, output), shown[2 + 2 * i] ?? '', options);
  }
});
