/**
 * vtep's text against the system's tc: `tc monitor file` prints recorded netlink messages, with no help of the
 * kernel. A monitor says everything of every filter (device and parent too) and has no record of the priority, so
 * what is compared is printFilterEvent; what `show` leaves out is the golden tests' matter.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { endianness, tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import { filterState } from './arbitrary-filter.test.helper.js';
import { encodeActions, encodeFilter } from './netlink-encode.test.helper.js';
import { printActions } from './print-actions.js';
import { printFilterEvent } from './print-filter.js';

const FILTERS = 600;

function hasTc(): boolean {
  try {
    return endianness() === 'LE' && execFileSync('tc', ['-V'], { encoding: 'utf8' }).includes('iproute2-6.');
  } catch {
    return false;
  }
}

function printWithTc(messages: readonly Buffer[], options: readonly string[]): string {
  const directory = mkdtempSync(join(tmpdir(), 'vtep-tc-'));
  const file = join(directory, 'messages');
  try {
    writeFileSync(file, Buffer.concat(messages));
    return execFileSync('tc', [...options, 'monitor', 'file', file], { encoding: 'utf8', maxBuffer: 1 << 28 });
  } finally {
    rmSync(directory, { recursive: true });
  }
}

const plain = { statistics: false, details: false, json: false, pretty: false };

for (const [title, options, output] of [
  ['with statistics', ['-s'], { ...plain, statistics: true }],
  ['without statistics', [], plain],
] as const) {
  (hasTc() ? test : test.skip)(
    `${FILTERS} generated filters print as the tc of the system prints them, ${title}`,
    (t) => {
      const filters = fc.sample(filterState, { numRuns: FILTERS, seed: 20240117 });
      const messages = filters.map((filter) => encodeFilter(filter, () => 1));
      const expected = printWithTc(messages, options).split('\n');
      const printed = filters
        .map((filter) => printFilterEvent(filter, 'added', output))
        .join('')
        .split('\n');
      for (const [i, line] of expected.entries()) {
        if (printed[i] !== line) {
          const context = expected.slice(Math.max(0, i - 12), i).join('\n');
          t.fail(`line ${i + 1}\n${context}\ntc:   ${JSON.stringify(line)}\nvtep: ${JSON.stringify(printed[i])}`);
          return;
        }
      }
      t.is(printed.length, expected.length);
    },
  );
}

(hasTc() ? test : test.skip)('Generated actions by themselves print as the tc of the system prints them', (t) => {
  const tables = fc
    .sample(filterState, { numRuns: 200, seed: 20240118 })
    .map(({ actions }) => actions)
    .filter((actions) => actions.length > 0);
  const messages = tables.map((actions) => encodeActions(actions, () => 1));
  for (const [options, statistics] of [
    [[], false],
    [['-s'], true],
  ] as const) {
    const printed = tables.map((actions) => printActions(actions, { ...plain, statistics })).join('');
    t.is(printed, printWithTc(messages, options), options.join(' '));
  }
});
