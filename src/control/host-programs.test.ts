import test from 'ava';
import { HostPrograms, MOST_BESIDE } from './host-programs.js';
import type { HostTool } from './host-tool.js';
import type { Say } from './protocol.js';

/** A tool that runs until it is told to end; its second word says which. */
function held(): { readonly tool: HostTool; readonly running: Map<string, () => void>; readonly ended: string[] } {
  const running = new Map<string, () => void>();
  const ended: string[] = [];
  const tool: HostTool = (_tool, [name = ''], _say, signal) =>
    new Promise((resolve, reject) => {
      running.set(name, resolve);
      signal?.addEventListener('abort', () => {
        ended.push(name);
        reject(signal.reason);
      });
    });
  return { tool, running, ended };
}

const quiet: Say = () => undefined;

test('so many run at a time for those who only look, the others in their order; a change waits for none', async (t) => {
  const { tool, running } = held();
  const programs = new HostPrograms(tool, new AbortController().signal);
  const names = Array.from({ length: MOST_BESIDE + 3 }, (_, n) => `look${n}`);
  const looks = names.map((name) => programs.runBeside('ip', [name], quiet));
  const change = programs.run('ip', ['change'], quiet);
  t.deepEqual([...running.keys()].sort(), [...names.slice(0, MOST_BESIDE), 'change'].sort());
  running.get('look0')?.();
  await looks[0];
  await Promise.resolve();
  t.true(running.has(`look${MOST_BESIDE}`));
  t.false(running.has(`look${MOST_BESIDE + 1}`));
  for (const name of ['change', ...names]) {
    while (!running.has(name)) await Promise.resolve();
    running.get(name)?.();
  }
  await Promise.all([...looks, change, programs.ended()]);
  t.pass();
});

test('none outlives vtep, and none is waited for that has ended', async (t) => {
  const { tool, ended } = held();
  const stopping = new AbortController();
  const programs = new HostPrograms(tool, stopping.signal);
  const running = [programs.run('ip', ['a'], quiet), programs.runBeside('ip', ['b'], quiet)];
  stopping.abort();
  for (const one of running) await t.throwsAsync(one, { message: 'vtep is stopping' });
  await programs.ended();
  t.deepEqual(ended, ['a', 'b']);
});

test('one is ended behind whoever asked for it, and is let alone by those who leave later', async (t) => {
  const { tool, running, ended } = held();
  const programs = new HostPrograms(tool, new AbortController().signal);
  const client = new AbortController();
  const say = Object.assign((): undefined => undefined, { gone: () => client.signal });
  const hangs = programs.run('ip', ['hangs'], say);
  const ends = programs.run('ip', ['ends'], say);
  const others = programs.run('ip', ['others'], quiet);
  client.abort();
  running.get('ends')?.();
  await ends;
  await t.throwsAsync(hangs, { message: 'whoever asked for it is gone' });
  t.deepEqual(ended, ['hangs']);
  running.get('others')?.();
  await others;
});

test('whoever has gone while he waited for his turn takes no place', async (t) => {
  const { tool, running } = held();
  const programs = new HostPrograms(tool, new AbortController().signal);
  const names = Array.from({ length: MOST_BESIDE }, (_, n) => `look${n}`);
  const looks = names.map((name) => programs.runBeside('ip', [name], quiet));
  const client = new AbortController();
  const say = Object.assign((): undefined => undefined, { gone: () => client.signal });
  const late = programs.runBeside('ip', ['late'], say);
  const next = programs.runBeside('ip', ['next'], quiet);
  client.abort();
  running.get('look0')?.();
  await t.throwsAsync(late, { message: 'whoever asked for it is gone' });
  while (!running.has('next')) await Promise.resolve();
  t.false(running.has('late'));
  for (const name of [...names, 'next']) running.get(name)?.();
  await Promise.all([...looks, next, programs.ended()]);
});
