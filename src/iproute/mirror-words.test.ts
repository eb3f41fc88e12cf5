import test from 'ava';
import { parseBatchLine } from './batch.js';
import { changeVxlan } from './change-vxlan.js';
import { CommandError, type VxlanOptions } from './commands.js';
import { vxlanWordsOf } from './link-command.js';
import { printMonitorEvent } from './print-monitor.js';
import { printVxlanOptions } from './print-vxlan.js';
import { Printer } from './printer.js';

function parse(words: string): VxlanOptions {
  const command = parseBatchLine(`ip link add mir0 type vxlan ${words}`.split(' '));
  if (command.kind !== 'link-add-vxlan') throw new Error(words);
  return command.vxlan;
}

function refusal(line: string): { said: string; exit: number } {
  try {
    parseBatchLine(line.split(' '));
  } catch (error) {
    if (error instanceof CommandError) return { said: error.message, exit: error.exitCode };
    throw error;
  }
  return { said: '', exit: 0 };
}

function shown(options: VxlanOptions, json = false): string {
  const printer = new Printer({ statistics: false, details: true, json, pretty: false });
  if (json) printer.beginObject();
  printVxlanOptions(printer, options);
  if (json) printer.endObject();
  return printer.take();
}

test('"vni any" makes an external device that takes every VNI; the words come back', (t) => {
  for (const [words, expected] of [
    ['vni any dstport 4789', {}],
    ['id any dstport 4789', {}],
    ['external vni any dstport 4789', {}],
    ['vni any tap-prefix mir- dstport 4789', { tapPrefix: 'mir-' }],
    ['vni any tap-prefix abcdef_ max-taps 1000 tap-idle none', { tapPrefix: 'abcdef_', maxTaps: 1000, tapIdle: 0 }],
    ['vni any tap-prefix m max-taps 1 tap-idle 1 tap-offload on', { maxTaps: 1, tapIdle: 1, tapOffload: true }],
    // What says no more than the default is left out.
    ['vni any tap-prefix m max-taps 128 tap-idle 300 tap-offload off', { tapPrefix: 'm' }],
    ['vni any gbp reserved_bits 0 underlay pcap dev eth0', { gbp: true, underlay: 'pcap' }],
  ] as const) {
    const vxlan = parse(words);
    t.like(vxlan, { external: true, anyVni: true, ...expected }, words);
    t.is(vxlan.id, undefined);
    t.deepEqual(parse(vxlanWordsOf(vxlan).join(' ')), vxlan, words);
  }
  t.false('maxTaps' in parse('vni any tap-prefix m max-taps 128'));
});

test('A prefix leaves room for every VNI in a name of the kernel, and ends in no digit', (t) => {
  for (const prefix of ['a', 'mir-', 'v.', 'abcdefg', 'é'])
    t.is(parse(`vni any tap-prefix ${prefix}`).tapPrefix, prefix);
  for (const prefix of ['abcdefgh', 'mir1', 'a/b', 'a:b', 'a%d', 'éééé', '7']) {
    const { said, exit } = refusal(`ip link add mir0 type vxlan vni any tap-prefix ${prefix}`);
    t.true(said.startsWith(`Error: argument "${prefix}" is wrong: a prefix has 1 to 7 characters`), said);
    t.is(exit, 255);
  }
});

test('Words that contradict a receiver are refused by name', (t) => {
  for (const [words, said] of [
    ['vni any remote 10.0.0.1', "'vni any' receives from everybody and has no 'remote' or 'group'"],
    ['vni any group 239.1.1.1 dev eth0', "'vni any' receives from everybody and has no 'remote' or 'group'"],
    ['vni any learning', "'vni any' has no forwarding table, and 'learning' nothing to fill"],
    ['external vni any vnifilter', "'vni any' and 'vnifilter' cannot go together"],
    ['vni any proxy', "'vni any' and 'proxy' cannot go together"],
    ['vni any l2miss', "'vni any' and 'l2miss' cannot go together"],
    ['vni any l3miss', "'vni any' and 'l3miss' cannot go together"],
    ['vni any rsc', "'vni any' and 'rsc' cannot go together"],
    ['external tap-prefix mir-', "'tap-prefix' requires 'vni any'"],
    ['id 4 tap-prefix mir-', "'tap-prefix' requires 'vni any'"],
    ['vni any max-taps 5', "'max-taps' requires 'tap-prefix'"],
    ['id 4 max-taps 5', "'max-taps' requires 'tap-prefix'"],
    ['vni any tap-idle 5', "'tap-idle' requires 'tap-prefix'"],
    ['external tap-offload on', "'tap-offload' requires 'vni any'"],
  ] as const)
    t.deepEqual(refusal(`ip link add mir0 type vxlan ${words}`), { said: `Error: ${said}.`, exit: 2 }, words);
  for (const [words, said] of [
    ['vni any id 4', 'Error: either "id" is duplicate, or "4" is a garbage.'],
    ['vni any vnifilter', "vxlan: vnifilter is valid only when 'external' is set"],
    ['vni any tap-prefix m max-taps 0', 'Error: argument "0" is wrong: max-taps is 1 to 1000'],
    ['vni any tap-prefix m max-taps 1001', 'Error: argument "1001" is wrong: max-taps is 1 to 1000'],
    ['vni any tap-prefix m tap-idle soon', 'Error: argument "soon" is wrong: tap-idle is a number of seconds, or none'],
    ['vni any tap-offload yes', "Error: argument \"yes\" is wrong: tap-offload is 'on' or 'off'"],
    ['vni any tap-prefix m tap-prefix n', 'Error: either "tap-prefix" is duplicate, or "n" is a garbage.'],
  ] as const)
    t.is(refusal(`ip link add mir0 type vxlan ${words}`).said.trim(), said, words);
});

test('A receiver is shown as what it is, with what is in force', (t) => {
  const all = parse('vni any tap-prefix mir- dstport 4789');
  t.true(shown(all).startsWith('external id any tap-prefix mir- max-taps 128 tap-idle 300 srcport 0 0 dstport 4789 '));
  t.like(JSON.parse(shown(all, true)), {
    external: true,
    id: 0,
    any_vni: true,
    tap_prefix: 'mir-',
    max_taps: 128,
    tap_idle: 300,
    tap_offload: false,
  });
  const other = parse('vni any tap-prefix mir- max-taps 5 tap-idle none tap-offload on');
  t.true(shown(other).startsWith('external id any tap-prefix mir- max-taps 5 tap-idle none tap-offload on srcport '));
  t.is(JSON.parse(shown(other, true)).tap_idle, 0);
  const plain = shown(parse('vni any'));
  t.true(plain.startsWith('external id any srcport '), plain);
  t.false(shown(parse('external')).includes('any'));
});

test('How many TAPs there may be, and how long they stay, can be changed; the rest stays', (t) => {
  const before = parse('vni any tap-prefix mir- max-taps 5');
  t.like(changeVxlan(before, { maxTaps: 7, tapIdle: 10 }), { maxTaps: 7, tapIdle: 10, tapPrefix: 'mir-' });
  t.deepEqual(changeVxlan(before, { maxTaps: 128, tapIdle: 300 }), parse('vni any tap-prefix mir-'));
  t.deepEqual(changeVxlan(before, { anyVni: true }), before);
  for (const [current, changes, said] of [
    [before, { tapPrefix: 'o-' }, 'Error: vxlan: cannot change tap-prefix.'],
    [before, { tapOffload: true }, 'Error: vxlan: cannot change tap-offload.'],
    [before, { id: 4 }, 'Error: Cannot change VNI.'],
    [parse('external'), { anyVni: true }, 'Error: Cannot change VNI.'],
    [parse('id 4'), { maxTaps: 4 }, "Error: 'max-taps' requires 'tap-prefix'."],
    [
      before,
      { remote: Uint8Array.of(10, 0, 0, 1) },
      "Error: 'vni any' receives from everybody and has no 'remote' or 'group'.",
    ],
  ] as const)
    t.throws(() => changeVxlan(current, changes), { instanceOf: CommandError, message: said });
});

test('A monitor tells of a VNI that got no TAP', (t) => {
  const event = { type: 'no-tap', dev: 'mir0', vni: 7, why: 'there are 2, which is max-taps' } as const;
  const output = { statistics: false, details: false, json: false, pretty: false };
  const request = { subjects: ['mirror'], label: true, output } as const;
  t.is(
    printMonitorEvent({ at: 0, event }, request),
    '[MIRROR]no TAP dev mir0 vni 7 (there are 2, which is max-taps)\n',
  );
  t.is(printMonitorEvent({ at: 0, event }, { ...request, subjects: ['link'] }), '');
  t.is(printMonitorEvent({ at: 0, event }, { ...request, dev: 'mir1' }), '');
  const json = printMonitorEvent({ at: 0, event }, { ...request, output: { ...output, json: true } });
  t.deepEqual(JSON.parse(json), {
    object: 'mirror',
    no_tap: true,
    dev: 'mir0',
    vni: 7,
    reason: 'there are 2, which is max-taps',
  });
});
