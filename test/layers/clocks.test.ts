// Who reads the wall clock: whoever sets it must not have anything age. (src/memory/clock.ts)
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';

const src = fileURLToPath(new URL('../../../src/', import.meta.url));

test('only what people read, and what outlives the process, goes by the wall clock', (t) => {
  const files = readdirSync(src, { recursive: true, encoding: 'utf8' });
  const readers = files.filter(
    (name) =>
      name.endsWith('.ts') &&
      !/\.test(\.helper)?\.ts$/.test(name) &&
      /\bDate\.now\b|new Date\(\)|timeOrigin|\.wall\(\)/.test(readFileSync(join(src, name), 'utf8')),
  );
  t.deepEqual(readers.sort(), [
    // The first moment of a trace, which stands for now.
    'cli/trace.ts',
    // When a scrape was made, for people; rates are made by the uptime.
    'control/overview.ts',
    // When a state was saved: another endpoint, perhaps of another start of the machine, reads it.
    'control/state-file.ts',
    // Of tests, and of nobody else.
    'io/conformance/station.ts',
    'memory/clock.ts',
  ]);
});
