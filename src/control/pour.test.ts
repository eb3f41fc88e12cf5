// Output that is fetched as it is sent.
import test from 'ava';
import { pour } from './pour.js';
import type { Reply, Say } from './protocol.js';

function listening(): { said: string[]; say: Say } {
  const said: string[] = [];
  return { said, say: (reply: Reply) => void said.push('out' in reply ? reply.out : '') };
}

test('all of it is said, in order, the first of it soon and the rest in larger pieces', async (t) => {
  const { said, say } = listening();
  const pieces = Array.from({ length: 3000 }, (_, n) => `${`${n}`.padStart(99)}\n`);
  await pour(pieces, say);
  t.is(said.join(''), pieces.join(''));
  t.true((said[0]?.length ?? 0) < 5000);
  t.is(said.length, 6);
});

test('nothing is fetched while a change is under way, be it another one than was waited for', async (t) => {
  const { said, say } = listening();
  let changes = 3;
  let fetched = 0;
  function* pieces(): Generator<string> {
    for (; fetched < 10; fetched++) {
      t.is(changes, 0, 'fetched in the middle of a change');
      yield 'x'.repeat(70_000);
    }
  }
  const calm = (): Promise<void> | undefined => {
    if (changes > 0) return Promise.resolve().then(() => void changes--);
    return undefined;
  };
  await pour(
    pieces(),
    (reply) => {
      changes = 2;
      return say(reply);
    },
    calm,
  );
  t.is(fetched, 10);
  t.is(said.length, 10);
});

test('a reader that is gone ends it, and nothing more is fetched', async (t) => {
  let fetched = 0;
  function* pieces(): Generator<string> {
    for (;;) {
      fetched++;
      yield 'x'.repeat(70_000);
    }
  }
  await t.throwsAsync(
    pour(pieces(), () => Promise.reject(new Error('gone'))),
    { message: 'gone' },
  );
  t.is(fetched, 1);
});

test('of nothing, nothing is said', async (t) => {
  const { said, say } = listening();
  await pour(undefined, say);
  await pour([], say);
  t.deepEqual(said, []);
});
