import test from 'ava';
import fc from 'fast-check';
import { filterState } from './arbitrary-filter.test.helper.js';
import { filterCommand, qdiscCommand } from './filter-command.js';
import { parseLine } from './parse.js';

test('Every filter is given back by the command that is made of it', (t) => {
  fc.assert(
    fc.property(filterState, (filter) => {
      const words = filterCommand(filter);
      const command = parseLine('tc', words);
      const specs = filter.actions.map(({ spec }) => spec);
      t.deepEqual(command, { kind: 'filter-add', mode: 'add', filter: { ...filter, actions: specs } }, words.join(' '));
    }),
    { seed: 15, numRuns: 1500 },
  );
});

test('So is every qdisc', (t) => {
  for (const qdisc of ['ingress', 'clsact'] as const) {
    t.deepEqual(parseLine('tc', qdiscCommand({ dev: 'v', qdisc })), { kind: 'qdisc-add', dev: 'v', qdisc });
  }
});
