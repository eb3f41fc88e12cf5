import test from 'ava';
import { flowerKeys } from './flower-keys.js';
import { helpText } from './help.js';

test('The help of flower names every key that can be typed', (t) => {
  const words = helpText('tc filter flower').split(/[^a-z0-9_]+/);
  for (const { name } of flowerKeys) {
    t.is(words.includes(name), name !== 'eth_type', name);
  }
});
