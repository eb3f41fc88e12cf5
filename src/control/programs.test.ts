import test from 'ava';
import { ACTION_WORDS, ActionKind, ActionWord, MIRRED_REDIRECT, Verdict } from '../actions/program.js';
import { TUNNEL_CSUM, TUNNEL_DONT_FRAGMENT, TUNNEL_KEY, TUNNEL_WORDS, TunnelWord } from '../memory/tunnel.js';
import type { ActionInstance } from './action-table.js';
import { filterOf } from './kit.test.helper.js';
import { type ProgramBlock, ProgramWriter } from './programs.js';

/** Writes the actions of a line as the program of `rule`, with rows from 40 on and mirred to device 9. */
function write(writer: ProgramWriter, rule: number, line: string): ProgramBlock {
  const actions = filterOf(`pref 1 flower ${line}`).actions.map(
    (spec, n): ActionInstance => ({
      spec: { ...spec, index: n + 1 },
      row: 40 + n,
      target: 9,
      installed: 0,
      ref: 1,
      bind: 1,
    }),
  );
  return writer.write(rule, actions);
}

/** The words of action `n` of a rule's program, by name. */
function word(writer: ProgramWriter, rule: number, n: number, which: number): number {
  const { start, words } = writer.published;
  return words[(start[rule] ?? 0) + 1 + n * ACTION_WORDS + which] ?? Number.NaN;
}

test('a program is its length, and the actions in their order', (t) => {
  const writer = new ProgramWriter();
  write(writer, 3, 'action tunnel_key unset pipe action mirred egress redirect dev tap0');
  const { start, words } = writer.published;
  t.is(words[start[3] ?? -1], 2);
  t.is(word(writer, 3, 0, ActionWord.KIND), ActionKind.TUNNEL_KEY_UNSET);
  t.is(word(writer, 3, 0, ActionWord.CONTROL), Verdict.PIPE);
  t.is(word(writer, 3, 0, ActionWord.COUNTER), 40);
  t.is(word(writer, 3, 1, ActionWord.KIND), ActionKind.MIRRED);
  t.is(word(writer, 3, 1, ActionWord.CONTROL), Verdict.STOLEN);
  t.is(word(writer, 3, 1, ActionWord.COUNTER), 41);
  t.is(word(writer, 3, 1, ActionWord.A), 9);
  t.is(word(writer, 3, 1, ActionWord.B), MIRRED_REDIRECT);
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
    t.is(word(writer, 0, 0, ActionWord.KIND), ActionKind.GACT);
    t.is(word(writer, 0, 0, ActionWord.CONTROL), verdict);
    t.is(word(writer, 0, 0, ActionWord.ARGUMENT), argument);
  });
}

test('tunnel_key set has a record of its own: every word of it', (t) => {
  const writer = new ProgramWriter();
  write(writer, 0, 'action tunnel_key set id 1 src_ip 10.0.0.1 dst_ip 10.0.0.2 dst_port 1');
  const block = write(
    writer,
    1,
    'action tunnel_key set id 1193046 src_ip 192.168.1.13 dst_ip 192.168.1.14 dst_port 4789 tos 0x10 ttl 64 nocsum nofrag',
  );
  const record = word(writer, 1, 0, ActionWord.A);
  t.deepEqual(block.tunnels, [record]);
  t.is(word(writer, 1, 0, ActionWord.KIND), ActionKind.TUNNEL_KEY_SET);
  const words = writer.published.tunnels.subarray(record * TUNNEL_WORDS, (record + 1) * TUNNEL_WORDS);
  t.is(words[TunnelWord.FLAGS], TUNNEL_KEY | TUNNEL_DONT_FRAGMENT);
  t.is(words[TunnelWord.VNI], 0x123456);
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
  writer.release(write(writer, 0, `${line} dst_port 4789 tos 1 ttl 9 nofrag`));
  write(writer, 0, 'action tunnel_key set src_ip fd00:1:2:3:4:5:6:7 dst_ip fd00::2');
  const at = word(writer, 0, 0, ActionWord.A) * TUNNEL_WORDS;
  const hex = (from: number): string[] =>
    [...writer.published.tunnels.subarray(at + from, at + from + 4)].map((each) => (each >>> 0).toString(16));
  t.deepEqual(hex(TunnelWord.SRC_IP), ['fd000001', '20003', '40005', '60007']);
  t.deepEqual(hex(TunnelWord.DST_IP), ['fd000000', '0', '0', '2']);
  const { tunnels } = writer.published;
  t.is(tunnels[at + TunnelWord.FLAGS], TUNNEL_CSUM, 'no id: no key, and the checksum by default');
  for (const each of [TunnelWord.VNI, TunnelWord.DST_PORT, TunnelWord.TOS, TunnelWord.TTL]) t.is(tunnels[at + each], 0);
});

test('a program keeps its place until it is released, and then serves the next', (t) => {
  const writer = new ProgramWriter();
  const first = write(writer, 0, 'action drop');
  const second = write(writer, 1, 'action drop');
  t.not(second.at, first.at);
  writer.release(first);
  t.is(write(writer, 2, 'action pass').at, first.at);
  t.is(word(writer, 2, 0, ActionWord.CONTROL), Verdict.OK);
  t.is(word(writer, 1, 0, ActionWord.CONTROL), Verdict.SHOT);
});

test('what was published stays true while thousands of programs come after it', (t) => {
  const writer = new ProgramWriter();
  write(writer, 0, 'action goto chain 3');
  const before = writer.published;
  for (let rule = 1; rule < 3000; rule++) write(writer, rule, 'action drop');
  t.not(writer.published.words, before.words);
  const at = before.start[0] ?? -1;
  t.is(before.words[at + 1 + ActionWord.ARGUMENT], 3);
  t.is(word(writer, 0, 0, ActionWord.ARGUMENT), 3);
  t.is(word(writer, 2999, 0, ActionWord.CONTROL), Verdict.SHOT);
});
