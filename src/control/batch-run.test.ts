// A batch on the daemon's side: order, failures, the commit, and clients that are slow or gone.
import test from 'ava';
import { type Command, CommandError } from '../iproute/commands.js';
import { type BatchTarget, runBatch } from './batch-run.js';
import type { Batch, Reply } from './protocol.js';

/** Carries out nothing; notes what it is asked to. `dev no…` fails. */
class Target implements BatchTarget {
  readonly done: string[] = [];
  private turn: Promise<unknown> = Promise.resolve();

  exclusive<T>(work: () => Promise<T>): Promise<T> {
    const result = this.turn.then(work);
    this.turn = result.catch(() => undefined);
    return result;
  }

  async begin(command: Command): Promise<Iterable<string> | undefined> {
    if (command.kind === 'filter-show') return ['shown ', command.selector.dev];
    const name = command.kind === 'link-del' ? command.name : command.kind;
    if (name.startsWith('no')) throw new CommandError(`Cannot find device "${name}"`, 1);
    this.done.push(name);
    return undefined;
  }

  async commit(): Promise<void> {
    this.done.push('commit');
  }
}

function batch(lines: readonly string[], more: Partial<Batch> = {}): Batch {
  return { tool: 'ip', options: [], force: false, lines: lines.map((line) => line.split(' ')), ...more };
}

async function outcome(wanted: Batch): Promise<{ replies: Reply[]; exit: number; done: string[] }> {
  const target = new Target();
  const replies: Reply[] = [];
  const exit = await runBatch(
    wanted,
    (reply) => {
      replies.push(reply);
      return undefined;
    },
    target,
  );
  return { replies, exit, done: target.done };
}

test('the commands are carried out in order, and put in force once', async (t) => {
  const lines = Array.from({ length: 1000 }, (_, n) => `link del d${n}`);
  t.deepEqual(await outcome(batch(lines)), {
    replies: [],
    exit: 0,
    done: [...lines.map((line) => line.slice(9)), 'commit'],
  });
  t.deepEqual((await outcome(batch([]))).done, ['commit']);
});

test('the first failure ends it; what came before stays and is put in force', async (t) => {
  t.deepEqual(await outcome(batch(['link del a', 'link del no', 'link del b'])), {
    replies: [{ err: 'Cannot find device "no"\n' }, { failed: 1 }],
    exit: 1,
    done: ['a', 'commit'],
  });
});

test('forced, it goes on behind each failure, and still fails', async (t) => {
  t.deepEqual(await outcome(batch(['frob', 'link del a', 'link del no', 'link del b'], { force: true })), {
    replies: [
      { err: 'Object "frob" is unknown, try "ip help".\n' },
      { failed: 0 },
      { err: 'Cannot find device "no"\n' },
      { failed: 2 },
    ],
    exit: 1,
    done: ['a', 'b', 'commit'],
  });
});

test('options stand before the batch alone; each line begins with its tool where none is named', async (t) => {
  const option = await outcome(batch(['-s link del a'], { options: ['-d'] }));
  t.deepEqual(option.replies, [{ err: 'Object "-s" is unknown, try "ip help".\n' }, { failed: 0 }]);
  const mixed = await outcome(batch(['ip link del a', 'link del b'], { tool: null }));
  t.deepEqual(mixed.done, ['a', 'commit']);
  t.deepEqual(mixed.replies, [{ err: 'vtep: a line begins with ip, tc or bridge, not "link"\n' }, { failed: 1 }]);
});

test('a client that reads slowly keeps no other waiting', async (t) => {
  const target = new Target();
  const state: { release?: () => void } = {};
  const slow = new Promise<void>((resolve) => {
    state.release = resolve;
  });
  const lines = [['tc', 'filter', 'show', 'dev', 'x', 'ingress'], 'ip link del a'.split(' ')];
  const exit = runBatch({ ...batch([]), tool: null, lines }, () => slow, target);
  await target.exclusive(async () => target.done.push('another'));
  await target.exclusive(async () => target.done.push('and another'));
  t.deepEqual(target.done, ['another', 'and another']);
  state.release?.();
  t.is(await exit, 0);
  t.deepEqual(target.done, ['another', 'and another', 'a', 'commit']);
});

test('where the client is gone the batch ends, and what was done is put in force', async (t) => {
  const target = new Target();
  const gone = new CommandError('vtep: the client is gone', 1);
  const lines = ['ip link del a', 'tc filter show dev x ingress', 'ip link del b'].map((line) => line.split(' '));
  await t.throwsAsync(
    runBatch({ ...batch([]), tool: null, lines }, () => Promise.reject(gone), target),
    { is: gone },
  );
  t.deepEqual(target.done, ['a', 'commit']);
});

test('behind a failure, too, a client that reads slowly is waited for', async (t) => {
  const target = new Target();
  const state: { release?: () => void } = {};
  const slow = new Promise<void>((resolve) => {
    state.release = resolve;
  });
  const exit = runBatch(batch(['link del no', 'link del a'], { force: true }), () => slow, target);
  for (let n = 0; n < 3; n++) await target.exclusive(async () => target.done.push('another'));
  t.deepEqual(target.done, ['another', 'another', 'another']);
  state.release?.();
  t.is(await exit, 1);
  t.deepEqual(target.done.slice(3), ['a', 'commit']);
});
