import test from 'ava';
import { gathering } from './gather-batch.js';
import type { Batch, Reply } from './protocol.js';

const part = (lines: readonly (readonly string[])[], more: boolean): Batch => ({
  tool: 'tc',
  options: [],
  lines,
  force: false,
  ...(more && { more }),
});

for (const [what, bounds, parts] of [
  ['lines', { lines: 3, characters: 1000 }, [[['a']], [['b'], ['c']], [['d']]]],
  ['characters', { lines: 1000, characters: 3 }, [[['a']], [['b', 'c']], [['d']]]],
] as const) {
  test(`a batch of more ${what} than one may have is refused, and the next begins anew`, async (t) => {
    const carriedOut: (readonly (readonly string[])[])[] = [];
    const said: Reply[] = [];
    const say = (reply: Reply): undefined => void said.push(reply);
    const { handle: gather } = gathering(async ({ lines }) => {
      carriedOut.push(lines);
      return 7;
    }, bounds);
    const [first, second, third] = parts;
    t.deepEqual([await gather(part(first, true), say), await gather(part(second, true), say)], [0, 0]);
    t.is(await gather(part(third, true), say), 1);
    t.deepEqual(said, [{ err: `vtep: a batch has more than 3 ${what}\n` }]);
    t.is(await gather(part([['x']], true), say), 0);
    t.is(await gather(part([['y']], false), say), 7);
    t.deepEqual(carriedOut, [[['x'], ['y']]]);
    // As much as may be, in one request.
    t.is(await gather(part([['a'], ['b'], ['c']], false), say), 7);
    t.is(said.length, 1);
  });
}

test('what clients gather together is bounded, and who goes away makes room', async (t) => {
  const said: Reply[] = [];
  const say = (reply: Reply): undefined => void said.push(reply);
  const hoard = { held: 0, most: 5 };
  const [one, other] = [0, 1].map(() => gathering(async () => 7, { lines: 100, characters: 100 }, hoard));
  t.is(await one?.handle(part([['abc']], true), say), 0);
  t.is(await other?.handle(part([['def']], true), say), 1);
  t.regex(JSON.stringify(said), /batches of all clients together/);
  t.is(hoard.held, 3, 'what was refused is forgotten');
  t.is(await other?.handle(part([['de']], true), say), 0);
  one?.forget();
  t.is(await other?.handle(part([['f']], false), say), 7);
  t.is(hoard.held, 0);
});
