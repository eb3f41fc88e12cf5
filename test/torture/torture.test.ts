// Every scenario of `npm run torture`, briefly: a promise that is broken rejects.
import test from 'ava';
import { findScenarios } from './find-scenarios.js';
import { figureText, outcomeLines, outcomeTable } from './table.js';

const scenarios = await findScenarios();

for (const scenario of scenarios) {
  const able = scenario.rights === 'none' || process.getuid?.() === 0;
  (able ? test.serial : test.serial.skip)(`${scenario.name}: ${scenario.promise}`, async (t) => {
    t.timeout(120_000);
    const figures = await scenario.run({ brief: true, say: () => {} });
    t.true(figures.length > 0, 'it counted something');
    t.log(figures.map(figureText).join('; '));
  });
}

test('names are words, and no two scenarios share one', (t) => {
  const names = scenarios.map(({ name }) => name);
  t.is(new Set(names).size, names.length);
  for (const name of names) t.regex(name, /^[a-z][a-z0-9-]*$/);
});

test('a broken promise is told with its reason, on the terminal and in the table', (t) => {
  const scenario = { name: 'flood', title: 'a flood', promise: 'it | holds' };
  const figures = [{ value: 1234567, what: 'datagrams' }];
  t.is(
    outcomeLines({ scenario, seconds: 1.6, figures }),
    `kept   ${'flood'.padEnd(26)} a flood (2 s)\n         1,234,567 datagrams\n`,
  );
  t.regex(
    outcomeLines({ scenario, seconds: 1, figures: [], broken: 'one\ntwo' }),
    /^BROKEN flood .*\n {9}one\n {9}two\n$/,
  );
  const table = outcomeTable([
    { scenario, seconds: 1.6, figures },
    { scenario, seconds: 1, figures: [], broken: 'one\ntwo' },
  ]);
  t.true(
    table.endsWith(
      '| `flood` | a flood | it \\| holds | 1,234,567 datagrams | 2 s |\n| `flood` | a flood | it \\| holds | **broken**: one two | 1 s |',
    ),
  );
});
