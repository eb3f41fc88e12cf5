// What tc 6.1 says to actions that it cannot read, and what of them it takes; recorded from the system's tc (its usage
// texts left out).
import test from 'ava';
import type { ActionSpec } from './commands.js';
import { parseLine } from './parse.js';
import { refusalOf } from './refusals.test.helper.js';

function specOf(line: string): ActionSpec | undefined {
  const command = parseLine('tc', ['actions', 'add', 'action', ...line.split(' ')]);
  return command.kind === 'actions-add' ? command.actions[0] : undefined;
}

/** What stands before the lines that every parse error of an action ends with. */
const cases: readonly (readonly [line: string, said: string])[] = [
  ['vlan pop pop', 'unexpected "pop" - action already specified'],
  ['vlan push', 'id needs to be set for push'],
  ['vlan modify priority 3', 'id needs to be set for modify'],
  ['vlan push id 5 protocol ip', 'protocol not supported'],
  ['vlan push_eth dst_mac 02:00:00:00:00:01', 'src_mac needs to be set for push_eth'],
  ['vlan push_eth src_mac 02:00:00:00:00:01', 'dst_mac needs to be set for push_eth'],
  ['vlan pop index x', 'vlan: Illegal "index"'],
  ['csum foo', 'Illegal csum construct, empty <UPDATE> list'],
  ['csum index 5', 'Illegal csum construct, empty <UPDATE> list'],
  ['csum ip4h index x', 'Illegal "index" (x) <csum>'],
  ['skbedit mark x', 'Illegal mark'],
  ['skbedit mark 5/x', 'Illegal mask'],
  ['skbedit priority x', 'Illegal priority'],
  ['skbedit queue_mapping 70000', 'Illegal queue_mapping'],
  ['skbedit ptype foo', 'Illegal ptype (foo)'],
  ['skbedit mark 5 index x', 'skbedit: Illegal "index"'],
  ['police rate 1mbit', "'burst' requires 'rate'."],
  ['police burst 10k', "'rate' or 'avrate' or 'mtu' or 'pkts_rate' MUST be specified."],
  ['police rate 8mbit burst 10k peakrate 16mbit', "'mtu' is required, if 'peakrate' is requested."],
  ['police pkts_rate 1000', "'pkts_burst' requires 'pkts_rate'."],
  ['police rate 1mbit burst 1k pkts_rate 9 pkts_burst 9', "'rate' and 'pkts_rate' are not allowed in same action."],
  ['police rate 1mbit burst 1k conform-exceed foo', 'Bad action type foo'],
  ['sample rate 5 group 5 index x', 'sample: Illegal "index"'],
  ['simple sdata 12345678901234567890123456789012', 'simple: Illegal string len 32 <12345678901234567890123456789012>'],
  ['simple sdata a index x', 'simple: Illegal "index" (x)'],
  ['pedit munge ip ttl decrement', "Non extended mode. only 'set' command is supported\nBad pedit construct (ip)"],
  [
    'pedit munge offset 0 u32 add 5',
    "Non extended mode. only 'set' command is supported\nBad pedit construct (offset)",
  ],
  [
    'pedit ex munge offset 1 u32 set 5',
    'pack_key32: 32 bit offsets must begin in 32bit boundaries\nBad pedit construct (offset)',
  ],
  ['pedit ex munge offset 3 u16 set 5', 'pack_key16 bad index value 3\nBad pedit construct (offset)'],
  ['pedit ex munge offset 0 u8 set 0x100', 'pack_key8 bad value (val 100 mask 0\nBad pedit construct (offset)'],
  ['pedit ex munge ip tos decrement', 'decrement command is not supported for this field\nBad pedit construct (ip)'],
  [
    'pedit ex munge ip6 src set ::1 retain 5',
    'retain is not supported for fields longer the 32 bits\nBad pedit construct (ip6)',
  ],
  ['pedit ex munge ip dport set 5', 'bad pedit parsing\nBad pedit construct (ip)'],
  ['pedit munge eth type set 5', 'bad pedit parsing\nBad pedit construct (eth)'],
  ['pedit ex munge icmp type set 5', 'bad pedit parsing\nBad pedit construct (icmp)'],
  ['pedit ex munge ip src set fd00::1', 'bad pedit parsing\nBad pedit construct (ip)'],
  ['police rate 1mbit burst 1k goto foo', '"chain index" expected'],
  ['police rate 1mbit burst 1k goto chain x', 'Illegal "chain index"'],
  ['pedit munge ip tos set 5 index x', 'Pedit: Illegal "index"'],
];

for (const [line, said] of cases) {
  test(`action ${line} is refused as tc refuses it`, (t) => {
    const [exit, message] = refusalOf(`tc actions add action ${line}`);
    t.is(exit, 255);
    t.true(`${message}`.startsWith(`${said}\nbad action parsing\nparse_action: bad value (`), `${message}`);
    t.is(refusalOf(`tc filter add dev a ingress protocol ip flower action ${line}`)[0], 1, 'a filter ends with 1');
  });
}

test('where tc only says that it cannot read an action, vtep says behind it what is wrong', (t) => {
  for (const [line, said] of [
    ['pedit ex munge ip dport set 5', 'pedit: no field "dport" of "ip"'],
    ['pedit munge eth type set 5', 'pedit: no field "type" of "eth" without "ex"'],
    ['pedit ex munge ip src set fd00::1', 'pedit: "fd00::1" is no value of this field'],
    ['pedit munge offset 0 u64 set 5', 'pedit: "u64" is none of u32, u16, u8'],
    ['police rate 1mbit burst 1k conform-exceed foo/pipe', 'police knows no control "foo"'],
    ['police fast', 'police knows no "fast"'],
  ] as const) {
    const [, message] = refusalOf(`tc actions add action ${line}`);
    t.true(`${message}`.endsWith(`!\nIllegal "action"\nvtep: ${said}`), `${message}`);
  }
});

test('a command of tc actions that names no action is none, and succeeds', (t) => {
  t.like(parseLine('tc', ['actions']), { kind: 'help', exit: 0 });
  t.like(parseLine('tc', ['actions', 'get', 'action']), { kind: 'actions-get', selectors: [] });
  t.like(parseLine('tc', ['actions', 'del']), { kind: 'actions-del', selectors: [] });
});

test('without hardware skip_hw is for those actions alone whose filters skip it too, and skip_sw for none', (t) => {
  const parsed = (line: string): string => `${refusalOf(line)[1]}`;
  const mismatch = 'Error: Mismatch between action and filter offload flags.\nWe have an error talking to the kernel';
  t.is(parsed('tc filter add dev a ingress flower action drop skip_hw'), mismatch);
  t.is(parsed('tc filter add dev a ingress flower skip_hw action drop skip_sw'), mismatch);
  t.is(parsed('tc filter add dev a ingress flower skip_hw action drop skip_sw action vlan push id 4095'), mismatch);
  t.is(parsed('tc filter add dev a ingress flower skip_hw action drop skip_hw action pass skip_hw'), 'filter-add');
  t.is(parsed('tc actions add action drop cookie aa hw_stats disabled no_percpu skip_hw'), 'actions-add');
  t.deepEqual(refusalOf('tc actions add action drop skip_hw skip_sw'), [
    255,
    'RTNETLINK answers: Invalid argument\nWe have an error talking to the kernel',
  ]);
  t.is(parsed('tc actions add action drop skip_hw no_percpu'), 'Bad action type no_percpu');
});

test('a word that mirred does not know ends what is incomplete without it, and is refused where tc passes over it', (t) => {
  for (const [line, exit, said] of [
    ['mirred egress redirct dev tap0', 255, 'Command line is not complete. Try option "help"'],
    ['mirred egress foo', 255, 'Command line is not complete. Try option "help"'],
    ['mirred egress dev tap0', 255, 'Command line is not complete. Try option "help"'],
  ] as const) {
    t.deepEqual(refusalOf(`tc filter add dev a ingress flower action ${line}`), [exit, said], line);
  }
  t.throws(() => specOf('mirred egress redirct dev tap0'), {
    message: 'Command line is not complete. Try option "help"\nvtep: did you mean "redirect"?',
  });
  t.throws(() => specOf('mirred egress foo redirect dev tap0'), { message: /vtep: mirred knows no "foo"$/ });
});

test('what a helper of tc or the kernel refuses is said as they say it', (t) => {
  for (const [line, exit, said] of [
    ['vlan pop id 5', 255, 'Error: argument "id" is wrong: only valid for push/modify'],
    ['vlan pop dst_mac 02:00:00:00:00:01', 255, 'Error: argument "dst_mac" is wrong: only valid for push_eth'],
    ['vlan push id 70000', 255, 'Error: argument "70000" is wrong: id is invalid'],
    ['vlan push id 5 priority 8', 255, 'Error: argument "8" is wrong: prio is invalid'],
    ['vlan push id 5 protocol foo', 255, 'Error: argument "foo" is wrong: protocol is invalid'],
    ['police rate foo', 255, 'Error: argument "foo" is wrong: rate'],
    ['police rate 1mbit burst x', 255, 'Error: argument "x" is wrong: buffer'],
    ['police rate 1mbit burst 5 rate 5', 255, 'Error: duplicate "rate": "5" is the second value.'],
    ['police rate 1mbit burst 5 linklayer foo', 255, 'Error: argument "foo" is wrong: linklayer'],
    ['sample rate x group 3', 255, 'Illegal rate x'],
    ['sample rate 3 group x', 255, 'Illegal group num x'],
    ['sample rate 3', 255, 'param "group" not set'],
    ['sample group 3', 255, 'param "rate" not set'],
    ['sample', 255, 'sample bad argument count 1'],
    // What the kernel would refuse comes behind a word that tc does not know.
    ['vlan foo', 255, 'Bad action type foo'],
    ['pedit foo', 255, 'Bad action type foo'],
    ['vlan push id 4095 foo', 255, 'Bad action type foo'],
    ['vlan push id 4095 cookie 12 action sample rate 0 group 1 foo', 255, 'Bad action type foo'],
    ['pass random netrand goto chain 5 9 index 7 foo', 255, 'Bad action type foo'],
    ['vlan', 255, 'Command line is not complete. Try option "help"'],
    ['simple sdata', 255, 'Command line is not complete. Try option "help"'],
    ['pedit ex munge ip dst set', 255, 'Command line is not complete. Try option "help"'],
  ] as const) {
    t.deepEqual(refusalOf(`tc filter add dev a ingress protocol ip flower action ${line}`), [exit, said], line);
  }
  for (const [line, said] of [
    ['vlan push id 4095', 'RTNETLINK answers: Numerical result out of range'],
    ['vlan pipe', 'RTNETLINK answers: Invalid argument'],
    ['sample rate 0 group 3', 'Error: invalid sample rate.'],
    ['pedit ex pipe', 'Error: act_pedit: Pedit requires keys to be passed.'],
    ['police rate 1mbit burst 5k conform-exceed drop/goto', 'Error: goto chain not allowed on fallback.'],
    ['pass random netrand goto chain 5 9', 'Error: goto chain not allowed on fallback.'],
    ['vlan push id 4095 cookie 12 action sample rate 0 group 1', 'RTNETLINK answers: Numerical result out of range'],
    ['pass random netrand goto chain 5 9 index 7 action drop', 'Error: goto chain not allowed on fallback.'],
  ] as const) {
    const whole = `${said}\nWe have an error talking to the kernel`;
    t.deepEqual(refusalOf(`tc filter add dev a ingress protocol ip flower action ${line}`), [2, whole], line);
    t.deepEqual(refusalOf(`tc actions add action ${line}`), [255, whole], line);
  }
});

test('an index alone names an action, which by itself can be made of it only for some kinds', (t) => {
  for (const kind of ['vlan', 'pedit', 'skbedit', 'police', 'sample', 'simple']) {
    const command = parseLine('tc', `filter add dev a ingress protocol ip flower action ${kind} index 5`.split(' '));
    t.deepEqual(command.kind === 'filter-add' && command.filter.actions, [{ kind: 'reference', of: kind, index: 5 }]);
  }
  t.like(specOf('police index 5'), { kind: 'police', control: { type: 'reclassify' }, mtu: 0xffffffff, index: 5 });
  for (const [kind, said] of [
    ['pedit', 'Error: act_pedit: Pedit requires keys to be passed.'],
    ['sample', 'Error: sample rate and group are required.'],
    ['vlan', 'RTNETLINK answers: Invalid argument'],
    ['skbedit', 'RTNETLINK answers: Invalid argument'],
    ['simple', 'RTNETLINK answers: Invalid argument'],
  ] as const) {
    t.deepEqual(refusalOf(`tc actions add action ${kind} index 5`), [
      255,
      `${said}\nWe have an error talking to the kernel`,
    ]);
  }
});

test('what the kernel fills in is there: protocol and priority of a tag, mtu of a rate, pass behind a conform', (t) => {
  t.like(specOf('vlan push id 5'), { protocol: 0x8100, priority: 0, control: { type: 'pipe' } });
  t.is((specOf('vlan modify id 5') as { priority?: number }).priority, undefined);
  t.like(specOf('police rate 1mbit burst 10k'), { rate: 125_000, mtu: 2040, conform: { type: 'pass' } });
  t.like(specOf('police rate 1mbit burst 10k/64'), { mtu: 255 * 64 });
  t.like(specOf('police pkts_rate 5 pkts_burst 5'), { mtu: 0xffffffff, overhead: 0 });
  t.like(specOf('csum tcp'), { control: { type: 'pass' } });
  t.like(specOf('pedit munge ip tos set 4'), { control: { type: 'pass' } });
});

test('rates and sizes are read in every unit of tc', (t) => {
  for (const [text, rate] of [
    ['1000', 125],
    ['1kbit', 125],
    ['8kibit', 1024],
    ['1.5mbit', 187_500],
    ['1gbit', 125_000_000],
    ['100bps', 100],
    ['5KiBps', 5120],
    ['2mbps', 2_000_000],
    ['1tbit', 125_000_000_000],
  ] as const) {
    t.like(specOf(`police rate ${text} burst 1k`), { rate }, text);
  }
  for (const [text, mtu] of [
    ['1500', 1500],
    ['1500b', 1500],
    ['2k', 2048],
    ['2Kb', 2048],
    ['1m', 1 << 20],
    ['8kbit', 1024],
    ['1.5k', 1536],
  ] as const) {
    t.like(specOf(`police mtu ${text} drop`), { mtu }, text);
  }
});
