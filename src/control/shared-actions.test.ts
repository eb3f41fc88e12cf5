import test from 'ava';
import { type ActionPrograms, ActionWord, actionPlace, Verdict } from '../actions/program.js';
import { SYSTEM_CLOCK } from '../memory/clock.js';
import { ALL, Bench } from './kit.test.helper.js';

const ON = 'dev vxlan0 ingress';

function made(...lines: string[]): Bench {
  const bench = new Bench();
  bench.tc('qdisc add dev vxlan0 ingress');
  for (const line of lines) bench.tc(line);
  return bench;
}

function programs(bench: Bench): ActionPrograms {
  const last = bench.datapath.instructions.at(-1);
  if (last?.type !== 'rules') throw new Error('no rules were published');
  return last.programs;
}

/** A word of action `n` of each of the first `count` rules. */
function words(programs: ActionPrograms, count: number, n: number, which: number): number[] {
  const { start, words } = programs;
  return Array.from({ length: count }, (_, rule) => {
    const id = words[(start[rule] ?? Number.NaN) + 1 + n] ?? Number.NaN;
    return words[actionPlace(programs, id) + which] ?? Number.NaN;
  });
}

const selected = { dev: 'vxlan0', parent: 'ingress' } as const;

test('a change is in force for all filters that are bound, at once, with the commit', async (t) => {
  const bench = made(
    'actions add action drop index 5',
    `filter add ${ON} protocol ip pref 1 flower action gact index 5`,
    `filter add ${ON} protocol ip pref 2 flower action gact index 5`,
  );
  await bench.rules.commit();
  const before = programs(bench);
  t.deepEqual(words(before, 2, 0, ActionWord.CONTROL), [Verdict.SHOT, Verdict.SHOT]);
  bench.tc('actions change action pass index 5');
  t.deepEqual(words(before, 2, 0, ActionWord.CONTROL), [Verdict.SHOT, Verdict.SHOT]);
  await bench.rules.commit();
  const after = programs(bench);
  t.deepEqual(words(after, 2, 0, ActionWord.CONTROL), [Verdict.OK, Verdict.OK]);
  t.deepEqual(words(before, 2, 0, ActionWord.CONTROL), [Verdict.SHOT, Verdict.SHOT], 'until it has been taken over');
  t.is(after.start, before.start);
});

test('a redirect that is turned elsewhere holds its old device until the workers have taken the change over', async (t) => {
  const bench = made(
    'actions add action mirred egress redirect dev tap1 index 5',
    `filter add ${ON} protocol ip pref 1 flower action mirred index 5`,
  );
  await bench.rules.commit();
  bench.tc('actions replace action mirred egress redirect dev tap0 index 5');
  bench.devices.remove('tap1');
  t.not(bench.devices.add('tap2'), 2, 'the workers may still send there');
  bench.datapath.isBusy = true;
  const commit = bench.rules.commit();
  t.not(bench.devices.add('tap3'), 2);
  t.deepEqual(words(programs(bench), 1, 0, ActionWord.A), [1]);
  bench.datapath.takeOver();
  await commit;
  t.is(bench.devices.add('tap4'), 2);
});

test('the statistics of an action outlast the filters that were bound to it', async (t) => {
  const bench = made(
    'actions add action drop index 5',
    `filter add ${ON} protocol ip pref 1 flower action gact index 5`,
  );
  bench.datapath.actionCounters.hit(0, 3, 252, SYSTEM_CLOCK.steady());
  bench.tc(`filter del ${ON} pref 1`);
  await bench.rules.commit();
  bench.tc(`filter add ${ON} protocol ip pref 1 flower action gact index 5`);
  t.like(bench.rules.list(ALL)[0]?.actions[0], { ref: 2, bind: 1, statistics: { packets: 3, bytes: 252 } });
});

test('the row of an action that was deleted is given to another only when a commit is in force', async (t) => {
  const bench = made('actions add action drop index 5');
  bench.tc('actions del action gact index 5');
  bench.tc('actions add action drop index 5');
  bench.datapath.actionCounters.hit(0, 1, 84, SYSTEM_CLOCK.steady());
  t.like(bench.rules.actions.get([{ action: 'gact', index: 5 }])[0], { statistics: { packets: 0 } });
  await bench.rules.commit();
  bench.tc('actions add action drop index 6');
  bench.datapath.actionCounters.hit(0, 1, 84, SYSTEM_CLOCK.steady());
  t.like(bench.rules.actions.get([{ action: 'gact', index: 6 }])[0], { statistics: { packets: 1 } });
});

test('an action is bound to by index whatever its kind; a gact that is not there is made, and passes', (t) => {
  const bench = made('actions add action tunnel_key unset index 3');
  bench.tc(`filter add ${ON} protocol ip pref 1 flower action tunnel_key index 3 action gact index 8`);
  t.like(bench.rules.list(ALL)[0]?.actions[0], { ref: 2, bind: 1, spec: { kind: 'tunnel_key', mode: 'unset' } });
  t.like(bench.rules.list(ALL)[0]?.actions[1], { ref: 1, bind: 1, spec: { kind: 'gact', control: { type: 'pass' } } });
  t.deepEqual(bench.refusal(`filter add ${ON} protocol ip pref 2 flower action tunnel_key index 4`), {
    said: 'Error: Unknown tunnel key action.\nWe have an error talking to the kernel',
    exit: 2,
  });
  t.is(bench.rules.list(selected).length, 1);
});

test('what cannot be done is refused before anything of the command is done', (t) => {
  const bench = made('actions add action drop index 1');
  const refused = (line: string): string => {
    const { said, exit } = bench.refusal(line);
    return `${exit} ${said}`;
  };
  t.is(
    refused('actions add action pass index 2 action drop random netrand goto chain 4 5'),
    '255 Error: goto chain not allowed on fallback.\nWe have an error talking to the kernel',
  );
  t.is(
    refused('actions add action pass index 2 action vlan push id 4095'),
    '255 RTNETLINK answers: Numerical result out of range\nWe have an error talking to the kernel',
  );
  t.is(
    refused('actions add action pass index 2 action mirred ingress redirect dev nosuch'),
    '255 Cannot find device "nosuch"',
  );
  t.is(
    refused('actions replace action pass index 1 action mirred egress redirect dev nosuch'),
    '255 Cannot find device "nosuch"',
  );
  t.is(
    refused(`filter add ${ON} protocol ip pref 1 flower action drop random determ goto chain 5 5`),
    '2 Error: goto chain not allowed on fallback.\nWe have an error talking to the kernel',
  );
  t.like(bench.rules.actions.list('gact'), [{ spec: { index: 1, control: { type: 'drop' } }, ref: 1, bind: 0 }]);
  t.is(bench.rules.actions.list('gact').length, 1);
});

test('the indices that were asked for are not given to the others of the same command', (t) => {
  const bench = made('actions add action drop action pass index 1 action drop');
  t.deepEqual(
    bench.rules.actions.list('gact').map(({ spec: { index, control } }) => [index, control.type]),
    [
      [1, 'pass'],
      [2, 'drop'],
      [3, 'drop'],
    ],
  );
});

test('those used within a time are listed alone', (t) => {
  const bench = made('actions add action drop index 1 action drop index 2');
  bench.datapath.actionCounters.hit(0, 1, 84, SYSTEM_CLOCK.steady() - 60_000);
  const indices = (since?: number): number[] => bench.rules.actions.list('gact', since).map(({ spec }) => spec.index);
  t.deepEqual(indices(30_000), [2], 'what was never used counts from when it was made');
  t.deepEqual(indices(90_000), [1, 2]);
  t.deepEqual(indices(), [1, 2]);
});

test('an action of every kind is made, listed, changed and deleted by itself, and bound to by its index', (t) => {
  for (const [kind, first, second] of [
    ['vlan', 'push id 5', 'pop'],
    ['pedit', 'munge ip tos set 4', 'ex munge ip ttl decrement munge tcp dport set 5'],
    ['csum', 'ip4h', 'tcp'],
    ['skbedit', 'mark 5', 'priority 1:2'],
    ['police', 'rate 1mbit burst 10k drop', 'pkts_rate 5 pkts_burst 5 drop'],
    ['sample', 'rate 5 group 6', 'rate 7 group 8 trunc 9'],
    ['simple', 'sdata a', 'sdata b'],
  ] as const) {
    const bench = new Bench();
    // tc wants to be told what checksums, and a policer of nothing is one too: an index that is not there makes them.
    const isMade = kind === 'csum' || kind === 'police';
    const bound = `action ${kind === 'csum' ? 'csum tcp' : kind} index 4`;
    bench.tc('qdisc add dev vxlan0 ingress');
    bench.tc(`actions add action ${kind} ${first} index 4`);
    const before = bench.tc(`actions ls action ${kind}`);
    bench.tc(`filter add ${ON} protocol ip pref 1 flower ${bound}`);
    t.like(bench.rules.list({ dev: 'vxlan0', parent: 'ingress' })[0]?.actions[0], { ref: 2, bind: 1 }, kind);
    bench.tc(`actions change action ${kind} ${second} index 4`);
    const after = bench.tc(`actions ls action ${kind}`);
    t.not(after.replace(/ref 2 bind 1/, 'ref 1 bind 0'), before);
    t.is(bench.refusal(`actions del action ${kind} index 4`).exit, 255);
    bench.tc(`filter del ${ON} pref 1`);
    bench.tc(`actions del action ${kind} index 4`);
    t.is(bench.tc(`actions ls action ${kind}`), '');
    t.is(bench.refusal(`filter add ${ON} protocol ip pref 1 flower ${bound}`).exit, isMade ? 0 : 2, kind);
  }
});
