// What the pages show of `npm run …`, read as the programs themselves read it; and the README's figures.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { blocks, inlineCode, pages, read, root } from '../test/docs/markdown.js';
import { parseOptions as parseFuzzOptions } from '../test/fuzz/options.js';
import { TARGETS } from '../test/fuzz/targets.js';
import { findScenarios } from '../test/torture/find-scenarios.js';
import { parseClassifierOptions } from './classifier/options.js';
import { parseOptions } from './options.js';

const shown = pages().flatMap((page) => [
  ...blocks(page)
    .filter(({ language }) => language === 'sh')
    .flatMap(({ where, lines }) => lines.map((line) => ({ where, line: line.replace(/\s+#.*/, '') }))),
  ...inlineCode(page).map((line) => ({ where: page, line })),
]);

/** The words of each `npm run NAME -- WORDS`; capitals stand for what the reader knows. */
function wordsOf(name: string): { where: string; words: string[] }[] {
  return shown.flatMap(({ where, line }) => {
    const [, rest] = new RegExp(`^npm run ${name}(?: --(?= )(.*))?$`).exec(line) ?? [];
    return line.startsWith(`npm run ${name}`)
      ? [{ where, words: (rest ?? '').trim().split(/\s+/).filter(Boolean) }]
      : [];
  });
}

test('every npm run bench of the pages is understood', (t) => {
  const found = wordsOf('bench');
  t.true(found.length >= 10, `${found.length}`);
  for (const { where, words } of found) {
    const [first = '', ...others] = words;
    if (first === 'classifier') t.notThrows(() => parseClassifierOptions(others), where);
    else if (first === 'checksum' || first === 'updates') t.deepEqual(others, [], where);
    else t.notThrows(() => parseOptions(words), where);
  }
});

test('every npm run fuzz and npm run torture of the pages is understood', async (t) => {
  const fuzz = wordsOf('fuzz');
  t.true(fuzz.length >= 4, `${fuzz.length}`);
  const targets = TARGETS.map(({ name }) => name);
  for (const { where, words } of fuzz) t.notThrows(() => parseFuzzOptions(words, targets), where);
  const torture = wordsOf('torture');
  t.true(torture.length >= 4, `${torture.length}`);
  const known = new Set(['--brief', '--list', ...(await findScenarios()).map(({ name }) => name)]);
  for (const { where, words } of torture) for (const word of words) t.true(known.has(word), `${where}: ${word}`);
});

interface Row {
  readonly id: string;
  readonly sides: Readonly<Record<string, { readonly median: number } | undefined>>;
}

test('what the README says of --tunnel-gso is what the committed figures say', (t) => {
  const { rows } = JSON.parse(readFileSync(join(root, 'bench/results/baseline.json'), 'utf8')) as { rows: Row[] };
  const gains = (mode: string): number[] =>
    rows
      .filter(({ id }) => id.startsWith(`${mode}-transmit`))
      .map(({ sides }) => (sides['vtep-tunnel-gso']?.median ?? 0) / (sides.vtep?.median ?? 1));
  const [, wire = '', local = ''] =
    /sends TCP (\d\.\d) times as fast over a network, and (\d\.\d) times to peers on\s+the same machine/.exec(
      read('README.md'),
    ) ?? [];
  t.true(Number(wire) > 1 && Number(local) > 1);
  for (const [said, mode] of [
    [wire, 'wire'],
    [local, 'super'],
  ] as const) {
    const least = Math.min(...gains(mode));
    t.true(least >= Number(said) - 0.05 && least < Number(said) + 1, `${mode}: ${gains(mode)}`);
  }
});
