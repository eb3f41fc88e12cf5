import test from 'ava';
import fc from 'fast-check';
import { CommandError } from './commands.js';
import { parseLine } from './parse.js';
import { editDistance, nearestWord, suggest } from './suggest.js';

test('The distance is that of the fewest edits', (t) => {
  for (const [from, to, distance] of [
    ['', '', 0],
    ['ingress', 'ingress', 0],
    ['ingres', 'ingress', 1],
    ['ingresss', 'ingress', 1],
    ['igress', 'egress', 1],
    ['tunel_key', 'tunnel_key', 1],
    ['dts_ip', 'dst_ip', 1],
    ['kitten', 'sitting', 3],
    ['', 'abc', 3],
  ] as const) {
    t.is(editDistance(from, to), distance, `${from} ${to}`);
    t.is(editDistance(to, from), distance, `${to} ${from}`);
    t.is(editDistance(from, to, 1), Math.min(distance, 2), `${from} ${to} at most 1`);
  }
});

test('The distance is 0 for equals alone, the same both ways, and no more than the longer word', (t) => {
  const word = fc.string({ maxLength: 8 });
  fc.assert(
    fc.property(word, word, (a, b) => {
      const distance = editDistance(a, b);
      t.is(distance === 0, a === b);
      t.is(distance, editDistance(b, a));
      t.true(distance <= Math.max(a.length, b.length) && distance >= Math.abs(a.length - b.length));
    }),
    { seed: 61, numRuns: 500 },
  );
});

test('What is too far, too short or the word itself is not suggested', (t) => {
  t.is(nearestWord('zzzzzzz', ['dst_ip', 'src_ip']), undefined);
  t.is(nearestWord('ab', ['ac']), undefined);
  t.is(nearestWord('dst_ip', ['dst_ip']), undefined);
  t.is(suggest('zzzzzzz', ['dst_ip']), '');
});

test('A refusal suggests on its second line, and its first is iproute2’s', (t) => {
  for (const [line, first, word] of [
    ['tc fliter show', 'Object "fliter" is unknown, try "tc help".', 'filter'],
    ['tc filter shwo dev v', 'Command "shwo" is unknown, try "tc filter help".', 'show'],
    ['tc filter show dev v ingres', ' What is "ingres"? Try "tc filter help"', 'ingress'],
    ['tc filter add dev v ingress flower enc_key_di 4', 'What is "enc_key_di"?', 'enc_key_id'],
    ['tc filter add dev v ingress flower action tunel_key unset', 'Bad action type tunel_key', 'tunnel_key'],
    ['tc filter add dev v ingress flower action tunnel_key usnet', 'Bad action type usnet', 'unset'],
    ['tc qdisc shwo', 'Command "shwo" is unknown, try "tc qdisc help".', 'show'],
    ['tc chain lsit', 'Command "lsit" is unknown, try "tc chain help".', 'list'],
    ['tc actions flsuh action gact', 'Command "flsuh" is unknown, try "tc actions help".', 'flush'],
    ['tc -statz filter', 'Option "-statz" is unknown, try "tc -help".', '-stats'],
    ['bridge -jsno fdb', 'Option "-jsno" is unknown, try "bridge help".', '-json'],
    ['ip lnik show', 'Object "lnik" is unknown, try "ip help".', 'link'],
    ['ip link shwo', 'Command "shwo" is unknown, try "ip link help".', 'show'],
    ['ip link add v type vxlan extrenal', 'vxlan: unknown command "extrenal"?', 'external'],
    ['ip tuntap lits', 'Command "lits" is unknown, try "ip tuntap help".', 'list'],
    ['bridge fdb apend', 'Command "apend" is unknown, try "bridge fdb help".', 'append'],
    [
      'bridge fdb add 02:00:00:00:00:01 dev v sttaic',
      'Error: either "to" is duplicate, or "sttaic" is a garbage.',
      'static',
    ],
    ['bridge vni shwo', 'Command "shwo" is unknown, try "bridge vni help".', 'show'],
  ] as const) {
    const [tool, ...words] = line.split(' ');
    const error = t.throws(() => parseLine(tool as 'ip' | 'tc' | 'bridge', words), { instanceOf: CommandError });
    t.is(error.message, `${first}\nvtep: did you mean "${word}"?`, line);
  }
});
