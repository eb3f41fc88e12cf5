import test from 'ava';
import { CommandTurns } from './command-turns.js';

/** A promise that the test settles. */
function gate(): { readonly done: Promise<void>; readonly open: () => void } {
  let open = (): void => undefined;
  const done = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { done, open };
}

/** As many turns of the promise queue as anything here takes. */
async function settle(): Promise<void> {
  for (let n = 0; n < 50; n++) await undefined;
}

/** Notes when work begins and ends, under a name. */
class Notes {
  readonly said: string[] = [];

  async of(name: string, until: Promise<void> = Promise.resolve()): Promise<void> {
    this.said.push(name);
    await until;
    this.said.push(`/${name}`);
  }
}

test('changes are one at a time and in order, looks go beside each other, and nobody overtakes anybody', async (t) => {
  const turns = new CommandTurns();
  const notes = new Notes();
  const [first, look] = [gate(), gate()];
  const all = [
    turns.alone(() => notes.of('change 1', first.done)),
    turns.look(() => notes.of('look 1', look.done)),
    turns.look(() => notes.of('look 2', look.done)),
    turns.alone(() => notes.of('change 2')),
    turns.look(() => notes.of('look 3')),
  ];
  await settle();
  t.deepEqual(notes.said, ['change 1']);
  first.open();
  await settle();
  t.deepEqual(notes.said, ['change 1', '/change 1', 'look 1', 'look 2']);
  look.open();
  await Promise.all(all);
  t.deepEqual(notes.said.slice(4), ['/look 1', '/look 2', 'change 2', '/change 2', 'look 3', '/look 3']);
});

test('looks overtake changes while a change waits for the host, which goes on when the last has ended', async (t) => {
  const turns = new CommandTurns();
  const notes = new Notes();
  const [host, look] = [gate(), gate()];
  const change = turns.alone(async () => {
    await turns.changeAside(
      () => notes.of('host', host.done),
      async () => {
        notes.said.push('open');
        return () => void notes.said.push('close');
      },
    );
    notes.said.push('goes on');
  });
  const next = turns.alone(() => notes.of('change 2'));
  await settle();
  t.deepEqual(notes.said, ['host'], 'nothing is put in order where nobody looks');
  const looking = turns.look(() => notes.of('look', look.done));
  await settle();
  t.deepEqual(notes.said, ['host', 'open', 'look']);
  host.open();
  await settle();
  const late = turns.look(() => notes.of('late look'));
  await settle();
  t.deepEqual(notes.said, ['host', 'open', 'look', '/host'], 'a change that would go on keeps new looks out');
  look.open();
  await Promise.all([change, next, looking, late]);
  t.deepEqual(notes.said.slice(4), [
    ...['/look', 'close', 'goes on', 'change 2', '/change 2'],
    ...['late look', '/late look'],
  ]);
});

test('a look that waits for the host keeps nobody waiting, and waits for the change that goes on then', async (t) => {
  const turns = new CommandTurns();
  const notes = new Notes();
  const [host, change] = [gate(), gate()];
  const looking = turns.look(async () => {
    await turns.lookAside(() => notes.of('host', host.done));
    notes.said.push('looks');
  });
  const changing = turns.alone(() => notes.of('change', change.done));
  await settle();
  t.deepEqual(notes.said, ['host', 'change']);
  host.open();
  await settle();
  t.deepEqual(notes.said.slice(2), ['/host']);
  change.open();
  await Promise.all([looking, changing]);
  t.deepEqual(notes.said.slice(3), ['/change', 'looks']);
});

test('what fails gives its turn on', async (t) => {
  const turns = new CommandTurns();
  const fail = async (): Promise<void> => {
    throw new Error('no');
  };
  await t.throwsAsync(turns.alone(fail));
  await t.throwsAsync(turns.look(fail));
  await t.throwsAsync(turns.alone(() => turns.changeAside(fail, async () => undefined)));
  await t.throwsAsync(turns.look(() => turns.lookAside(fail)));
  t.is(await turns.alone(async () => 7), 7);
});

test('a change whose state cannot be shown fails, and whoever looks waits for its end', async (t) => {
  const turns = new CommandTurns();
  const host = gate();
  const change = turns.alone(() =>
    turns.changeAside(
      () => host.done,
      () => Promise.reject(new Error('cannot be shown')),
    ),
  );
  const looking = turns.look(async () => 'seen');
  host.open();
  await t.throwsAsync(change, { message: 'cannot be shown' });
  t.is(await looking, 'seen');
});
