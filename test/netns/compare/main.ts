/**
 * npm run compare [-- [4|6] [WORD…]]: the same option lists and the same traffic for a kernel vxlan device and for
 * vtep, and a line for each: what appeared on the wire and on the inner side, entries, drops, counters. With words,
 * only rows whose title or options have one of them. `--list` names the rows. Ends with 1 where anything differs.
 */
import { compareRows, isOf } from './compare.js';
import type { Row } from './row.js';
import { ROWS } from './rows.js';
import { differingLines, HEADING, tableLine } from './table.js';

function wanted(row: Row, words: readonly string[]): boolean {
  const text = `${row.title} ${row.mode} ${row.options} ${row.vtep ?? ''} ${row.set ?? ''} ${row.addresses ?? ''}`;
  return words.length === 0 || words.some((word) => text.includes(word));
}

async function main(words: readonly string[]): Promise<void> {
  const family = words.find((word) => word === '4' || word === '6');
  const rest = words.filter((word) => word !== '4' && word !== '6' && word !== '--list' && word !== '--details');
  let equal = 0;
  let all = 0;
  for (const underlay of [4, 6] as const) {
    if (family !== undefined && family !== String(underlay)) continue;
    const rows = ROWS.filter((row) => isOf(underlay, row) && wanted(row, rest));
    if (rows.length === 0) continue;
    process.stdout.write(`\nover IPv${underlay}\n${HEADING}\n`);
    if (words.includes('--list')) {
      for (const { title, mode, options } of rows) process.stdout.write(`${title}: ${mode} ${options}\n`);
      continue;
    }
    await compareRows(underlay, rows, (verdict) => {
      all++;
      if (verdict.differences.length === 0) equal++;
      process.stdout.write(`${[tableLine(verdict), ...differingLines(verdict)].join('\n')}\n`);
      if (words.includes('--details')) process.stdout.write(`${JSON.stringify(verdict, undefined, 1)}\n`);
    });
  }
  process.stdout.write(`\n${equal} of ${all} equal\n`);
  if (equal < all) process.exitCode = 1;
}

await main(process.argv.slice(2));
