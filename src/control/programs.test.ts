import test from 'ava';
import {
  ACTIONS_OF_PAGE,
  ActionKind,
  type ActionPrograms,
  ActionWord,
  actionPlace,
  MIRRED_REDIRECT,
  Verdict,
} from '../actions/program.js';
import {
  TUNNEL_CSUM,
  TUNNEL_DONT_FRAGMENT,
  TUNNEL_KEY,
  TUNNEL_TOS,
  TUNNEL_TTL,
  TUNNEL_VXLAN_OPT,
  TUNNEL_WORDS,
  TunnelWord,
} from '../memory/tunnel.js';
import { filterOf } from './kit.test.helper.js';
import { type ActionBlock, type ActionToRun, ProgramWriter } from './programs.js';
import { sharedContent } from './shared-content.js';

/** Where a rule's program stands, and the words of each of its actions. */
interface Written {
  readonly program: number;
  readonly actions: readonly ActionBlock[];
}

/** What a line says of an action, under an id; mirred sends to device 9. */
function toRun(line: string, row: number): ActionToRun {
  const [spec] = filterOf(`pref 1 flower ${line}`).actions;
  if (spec === undefined || spec.kind === 'reference') throw new Error(line);
  return { content: spec, row, target: 9 };
}

/** Writes the actions of a line, a word `and` between them, as the program of `rule`: ids from 40 times the rule on. */
function write(writer: ProgramWriter, rule: number, line: string): Written {
  const actions = line.split(' and ').map((each, n) => toRun(each, 40 * rule + n));
  const blocks = actions.map((each) => writer.addAction(each));
  writer.write(rule, actions);
  return { actions: blocks, program: writer.publish().start[rule] ?? -1 };
}

/** The words of action `n` of a rule's program, by name. */
function word(programs: ActionPrograms, rule: number, n: number, which: number): number {
  const { start, words } = programs;
  const id = words[(start[rule] ?? Number.NaN) + 1 + n] ?? Number.NaN;
  return words[actionPlace(programs, id) + which] ?? Number.NaN;
}

test('a program is its length, and the actions in their order', (t) => {
  const writer = new ProgramWriter();
  write(writer, 3, 'action tunnel_key unset pipe and action mirred egress redirect dev tap0');
  const { start, words } = writer.publish();
  const at = start[3] ?? -1;
  t.deepEqual([...words.subarray(at, at + 3)], [2, 120, 121]);
  t.is(word(writer.publish(), 3, 0, ActionWord.KIND), ActionKind.TUNNEL_KEY_UNSET);
  t.is(word(writer.publish(), 3, 0, ActionWord.CONTROL), Verdict.PIPE);
  t.is(word(writer.publish(), 3, 1, ActionWord.KIND), ActionKind.MIRRED);
  t.is(word(writer.publish(), 3, 1, ActionWord.CONTROL), Verdict.STOLEN);
  t.is(word(writer.publish(), 3, 1, ActionWord.A), 9);
  t.is(word(writer.publish(), 3, 1, ActionWord.B), MIRRED_REDIRECT);
});

const controls = [
  ['pass', Verdict.OK, 0],
  ['drop', Verdict.SHOT, 0],
  ['pipe', Verdict.PIPE, 0],
  ['continue', Verdict.CONTINUE, 0],
  ['reclassify', Verdict.RECLASSIFY, 0],
  ['trap', Verdict.TRAP, 0],
  ['goto chain 7', Verdict.GOTO, 7],
  ['jump 2', Verdict.JUMP, 2],
] as const;
for (const [control, verdict, argument] of controls) {
  test(`action ${control} is its verdict and argument`, (t) => {
    const writer = new ProgramWriter();
    write(writer, 0, `action ${control}`);
    t.is(word(writer.publish(), 0, 0, ActionWord.KIND), ActionKind.GACT);
    t.is(word(writer.publish(), 0, 0, ActionWord.CONTROL), verdict);
    t.is(word(writer.publish(), 0, 0, ActionWord.ARGUMENT), argument);
  });
}

test('tunnel_key set has a record of its own: every word of it', (t) => {
  const writer = new ProgramWriter();
  write(writer, 0, 'action tunnel_key set id 1 src_ip 10.0.0.1 dst_ip 10.0.0.2 dst_port 1');
  const { actions } = write(
    writer,
    1,
    'action tunnel_key set id 1193046 src_ip 192.168.1.13 dst_ip 192.168.1.14 dst_port 4789 tos 0x10 ttl 64 nocsum nofrag vxlan_opts 0xff48abcd',
  );
  const record = word(writer.publish(), 1, 0, ActionWord.A);
  t.deepEqual(
    actions.map(({ tunnel }) => tunnel),
    [record],
  );
  t.is(word(writer.publish(), 1, 0, ActionWord.KIND), ActionKind.TUNNEL_KEY_SET);
  const words = writer.publish().tunnels.subarray(record * TUNNEL_WORDS, (record + 1) * TUNNEL_WORDS);
  t.is(words[TunnelWord.FLAGS], TUNNEL_KEY | TUNNEL_DONT_FRAGMENT | TUNNEL_TOS | TUNNEL_TTL | TUNNEL_VXLAN_OPT);
  t.is(words[TunnelWord.VNI], 0x123456);
  t.is(words[TunnelWord.GBP], 0x48abcd);
  t.is(words[TunnelWord.FAMILY], 4);
  t.is(words[TunnelWord.DST_PORT], 4789);
  t.is(words[TunnelWord.TOS], 0x10);
  t.is(words[TunnelWord.TTL], 64);
  t.is((words[TunnelWord.SRC_IP] ?? 0) >>> 0, 0xc0a8010d);
  t.is((words[TunnelWord.DST_IP] ?? 0) >>> 0, 0xc0a8010e);
});

test('a record of IPv6 has four words of each address, and none of what it held before', (t) => {
  const writer = new ProgramWriter();
  const line = 'action tunnel_key set id 5 src_ip fd00::1 dst_ip fd00::2';
  const [first] = write(writer, 0, `${line} dst_port 4789 tos 1 ttl 9 nofrag`).actions;
  if (first) writer.releaseAction(first);
  write(writer, 0, 'action tunnel_key set src_ip fd00:1:2:3:4:5:6:7 dst_ip fd00::2');
  const at = word(writer.publish(), 0, 0, ActionWord.A) * TUNNEL_WORDS;
  const hex = (from: number): string[] =>
    [...writer.publish().tunnels.subarray(at + from, at + from + 4)].map((each) => (each >>> 0).toString(16));
  t.deepEqual(hex(TunnelWord.SRC_IP), ['fd000001', '20003', '40005', '60007']);
  t.deepEqual(hex(TunnelWord.DST_IP), ['fd000000', '0', '0', '2']);
  const { tunnels } = writer.publish();
  t.is(tunnels[at + TunnelWord.FLAGS], TUNNEL_CSUM, 'no id: no key, and the checksum by default');
  for (const each of [TunnelWord.VNI, TunnelWord.DST_PORT, TunnelWord.TOS, TunnelWord.TTL]) t.is(tunnels[at + each], 0);
});

test('a program keeps its place until it is released, and then serves the next', (t) => {
  const writer = new ProgramWriter();
  const first = write(writer, 0, 'action drop').program;
  const second = write(writer, 1, 'action drop').program;
  t.not(second, first);
  writer.release(0);
  t.is(write(writer, 2, 'action pass').program, first);
  t.is(word(writer.publish(), 2, 0, ActionWord.CONTROL), Verdict.OK);
  t.is(word(writer.publish(), 1, 0, ActionWord.CONTROL), Verdict.SHOT);
});

test('a change is in force for every rule that has the action, in what is published next and not before', (t) => {
  const writer = new ProgramWriter();
  const action = toRun('action drop', 5);
  const old = writer.addAction(action);
  writer.write(0, [action, action]);
  writer.write(1, [action]);
  const before = writer.publish();
  writer.changeAction(toRun('action goto chain 3', 5));
  const said = (programs: ActionPrograms): number[] => [
    word(programs, 0, 0, ActionWord.CONTROL),
    word(programs, 0, 1, ActionWord.CONTROL),
    word(programs, 1, 0, ActionWord.CONTROL),
  ];
  t.deepEqual(said(before), [Verdict.SHOT, Verdict.SHOT, Verdict.SHOT]);
  const after = writer.publish();
  t.deepEqual(said(after), [Verdict.GOTO, Verdict.GOTO, Verdict.GOTO]);
  writer.releaseAction(old);
  writer.addAction(toRun('action pass', 6));
  t.deepEqual(said(after), [Verdict.GOTO, Verdict.GOTO, Verdict.GOTO], 'the old place has gone to another');
});

test('however many actions change between two publications, their places are copied once', (t) => {
  const writer = new ProgramWriter();
  for (let row = 0; row < 10; row++) writer.addAction(toRun('action drop', row));
  const { actionPages } = writer.publish();
  t.is(writer.publish().actionPages, actionPages, 'nothing has changed');
  writer.changeAction(toRun('action pass', 0));
  const copies = new Set<Int32Array>();
  for (let row = 1; row < 10; row++) writer.changeAction(toRun('action pass', row));
  const changed = writer.publish();
  copies.add(changed.actionPages);
  writer.addAction(toRun('action pass', 10));
  copies.add(writer.publish().actionPages);
  t.is(copies.size, 1, 'a new action needs no copy');
  t.false(copies.has(actionPages));
});

test('a change among many actions costs a page, and gives it back when what it came with is in force', (t) => {
  const writer = new ProgramWriter();
  const last = 40 * ACTIONS_OF_PAGE + 7;
  for (let row = 0; row <= last; row++) writer.addAction(toRun('action drop', row));
  const first = writer.publish();
  const control = (programs: ActionPrograms, row: number): number | undefined =>
    programs.words[actionPlace(programs, row) + ActionWord.CONTROL];
  let release = writer.retire();
  let before = first;
  for (let n = 0; n < 1000; n++) {
    const row = n % 2 === 0 ? 5 : last;
    const was = control(before, row);
    const wanted = n % 4 < 2 ? Verdict.OK : Verdict.SHOT;
    writer.changeAction(toRun(wanted === Verdict.OK ? 'action pass' : 'action drop', row));
    t.is(control(before, row), was, 'who has the programs of before runs these');
    const now = writer.publish();
    t.deepEqual([control(now, row), control(now, row - 1)], [wanted, Verdict.SHOT]);
    release();
    release = writer.retire();
    before = now;
  }
  t.true(before.actionAt.length <= first.actionAt.length * 2);
  t.true(before.actionPages.length <= 64);
});

test('what was published stays true while thousands of programs come after it', (t) => {
  const writer = new ProgramWriter();
  write(writer, 0, 'action goto chain 3');
  const before = writer.publish();
  for (let rule = 1; rule < 3000; rule++) write(writer, rule, 'action drop');
  t.not(writer.publish().words, before.words);
  t.is(word(before, 0, 0, ActionWord.ARGUMENT), 3);
  t.is(word(writer.publish(), 0, 0, ActionWord.ARGUMENT), 3);
  t.is(word(writer.publish(), 2999, 0, ActionWord.CONTROL), Verdict.SHOT);
});

test('actions that say the same run the same words, which serve others after the last of them', (t) => {
  const writer = new ProgramWriter();
  const of = (line: string, row: number, target = 9): ActionToRun => {
    const { content } = toRun(line, row);
    return { content: sharedContent(content), row, target };
  };
  const lines = [
    'action drop',
    'action tunnel_key unset',
    'action mirred egress redirect dev tap0',
    'action tunnel_key set id 1 src_ip 10.0.0.1 dst_ip 10.0.0.2',
    'action tunnel_key set src_ip fd00::1 dst_ip fd00::2 dst_port 1 tos 2 ttl 3 nocsum nofrag vxlan_opts 4',
    'action goto chain 7',
  ];
  const blocks = lines.map((line, n) => writer.addAction(of(line, n)));
  t.is(new Set(blocks.map(({ at }) => at)).size, lines.length);
  for (const [n, line] of lines.entries()) t.true(writer.addAction(of(line, 10 + n)) === blocks[n], line);
  t.not(writer.addAction(of('action mirred egress redirect dev tap0', 20, 8)).at, blocks[2]?.at, 'elsewhere');
  t.not(writer.addAction(of('action goto chain 8', 21)).at, blocks[5]?.at);
  const [drop] = blocks;
  if (!drop) return;
  writer.releaseAction(drop);
  t.is(writer.addAction(of('action drop', 22)), drop, 'one has it still');
  writer.releaseAction(drop);
  writer.releaseAction(drop);
  t.is(writer.addAction(of('action pass', 23)).at, drop.at);
  t.is(writer.publish().words[drop.at + ActionWord.CONTROL], Verdict.OK);
});

test('every word that an action says tells it from others', (t) => {
  const one = 'tunnel_key set id 1 src_ip 10.0.0.1 dst_ip 10.0.0.2 dst_port 4789 tos 0x4 ttl 9';
  const lines = [
    one,
    one.replace('id 1', 'id 2'),
    one.replace('id 1', ''),
    one.replace('src_ip 10.0.0.1', 'src_ip 10.0.0.3'),
    one.replace('dst_ip 10.0.0.2', 'dst_ip 10.0.0.3'),
    one.replace('4789', '4790'),
    one.replace('tos 0x4', ''),
    one.replace('ttl 9', 'ttl 10'),
    ...['csum nofrag', 'nocsum', 'vxlan_opts 1', 'drop', 'goto chain 1', 'goto chain 2'].map(
      (more) => `${one} ${more}`,
    ),
    ...['unset', 'unset drop', 'unset jump 1', 'unset jump 2'].map((more) => `tunnel_key ${more}`),
    ...[
      'egress redirect dev tap0',
      'egress redirect dev tap1',
      'egress mirror dev tap0',
      'ingress mirror dev tap0',
    ].map((more) => `mirred ${more}`),
    ...['mirred egress mirror dev tap0 drop', 'drop', 'pass', 'goto chain 1', 'jump 1'],
  ];
  const contents = lines.map((line) => sharedContent(toRun(`action ${line}`, 0).content));
  t.is(new Set(contents).size, lines.length);
  for (const [n, line] of lines.entries()) {
    const { content } = toRun(`action ${line}`, 0);
    t.true(sharedContent(content) === contents[n], line);
    t.deepEqual(sharedContent(content), content, line);
  }
});
