// docs/commands.md, the reference that is made from the grammar.
import test from 'ava';
import { parseBatchLine } from '../../src/iproute/batch.js';
import { flowerKeys } from '../../src/iproute/flower-keys.js';
import { helpTopics } from '../../src/iproute/help.js';
import { commandsPage, valueForm } from './commands-page.js';
import { NEEDS, neededBefore } from './key-values.js';
import { read } from './markdown.js';

test('docs/commands.md is what the commands and the grammar say (npm run docs writes it)', (t) => {
  t.is(read('docs/commands.md'), commandsPage());
});

test('every place at which help is given is on the page', (t) => {
  const page = commandsPage();
  for (const topic of helpTopics.filter((each) => each !== 'monitor')) t.regex(page, new RegExp(`^##+ ${topic}$`, 'm'));
});

test('the parser takes the example of every key', (t) => {
  for (const row of flowerKeys) {
    const form = valueForm(row);
    if (form === undefined) continue;
    const need = neededBefore(row);
    const before = need === undefined ? 'flower' : NEEDS[need].example;
    const line = `tc filter add dev a ingress ${before} ${row.typed ?? row.name} ${form.example}`;
    t.notThrows(() => parseBatchLine(line.split(' ')), line);
  }
});
