// Every case of receive/ through the whole pipeline, in memory: what comes out, what is counted, which filters match.
import test from 'ava';
import { REASONS } from '../../src/memory/reasons.js';
import { receiveCases } from './receive-cases.js';
import { expectedOf, outcomeOf, VARIANTS } from './receive-pipeline.js';

const cases = receiveCases();

// One after the other: an endpoint is 32 MiB.
for (const one of cases) {
  test.serial(`${one.file}: ${one.title}`, async (t) => {
    for (const options of VARIANTS)
      t.deepEqual(await outcomeOf(one, options), expectedOf(one), JSON.stringify(options));
  });
}

test('every number of the list has a case, and every file a title that is its own', (t) => {
  const numbers = new Set(cases.flatMap(({ number }) => number ?? []));
  t.deepEqual(
    [...numbers].sort((a, b) => a - b),
    Array.from({ length: 30 }, (_, n) => n + 1),
  );
  const also = new Set(cases.flatMap(({ file, number }) => (number === undefined ? [file] : [])));
  t.deepEqual([...also], ['also-ecn.txt', 'also-longer-than-mtu.txt', 'also-nested.txt', 'also-other-peer.txt']);
  t.is(new Set(cases.map(({ file, title }) => `${file} ${title}`)).size, cases.length);
});

test('a case says what happens to its frames, and names reasons that there are', (t) => {
  const reasons = new Set<string>(REASONS.map(({ name }) => name));
  for (const one of cases) {
    const where = `${one.file}: ${one.title}`;
    t.true(['passed', 'dropped', 'stack', 'frames'].includes(one.expect), where);
    t.true(one.datagrams.length > 0, where);
    t.is(one.frames.length > 0, one.expect === 'frames', where);
    t.is(one.expect === 'dropped', one.reason !== undefined, where);
    for (const name of [...(one.reason ? [one.reason] : []), ...one.counts])
      t.true(reasons.has(name), `${where}: ${name}`);
  }
});
