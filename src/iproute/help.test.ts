import test from 'ava';
import { parseBatchLine } from './batch.js';
import { commandWords } from './command-words.js';
import { type HelpTopic, helpText, helpTopics } from './help.js';
import { optionWords } from './options.js';
import { parseLine } from './parse.js';

/** The words of a help text, with `[no]word` standing for both. */
function wordsOf(text: string): Set<string> {
  const words = text.split(/[^a-z0-9_[\]]+/).flatMap((word) => {
    const optional = /^\[no\]([a-z0-9_]+)$/.exec(word)?.[1];
    return optional === undefined ? [word.replaceAll(/[[\]]/g, '')] : [optional, `no${optional}`];
  });
  return new Set(words);
}

test('The help of every place names every word that can be typed there', (t) => {
  t.deepEqual([...commandWords.keys()].sort(), [...helpTopics].sort());
  for (const [topic, words] of commandWords) {
    const known = wordsOf(helpText(topic));
    for (const word of words) {
      t.true(known.has(word) || (word.includes('-') && helpText(topic).includes(word)), `${topic}: ${word}`);
    }
  }
});

test('eth_type is printed and not typed, and help says nothing of it', (t) => {
  t.false(wordsOf(helpText('tc filter flower')).has('eth_type'));
});

test('Help is to be had at every place', (t) => {
  for (const line of [
    ...['ip help', 'ip link help', 'ip link add help', 'ip link set help', 'ip link show help', 'ip tuntap help'],
    ...[
      'ip link add v type vxlan help',
      'ip link set v type vxlan help',
      'tc help',
      'tc qdisc help',
      'tc qdisc show help',
    ],
    ...['tc filter help', 'tc filter show help', 'tc chain help', 'tc chain add help', 'tc chain show help'],
    ...['tc actions help', 'tc actions get help', 'bridge help', 'bridge fdb help', 'bridge fdb add help'],
    ...[
      'bridge fdb show help',
      'bridge fdb get help',
      'bridge fdb flush help',
      'bridge vni help',
      'bridge vni add help',
    ],
    ...['bridge vni show help', 'tc actions add action mirred help', 'tc actions add action tunnel_key help'],
  ]) {
    const [tool, ...words] = line.split(' ');
    const command = parseLine(tool as 'ip' | 'tc' | 'bridge', words);
    t.regex(command.kind === 'help' ? command.text : '', /^Usage: /, line);
  }
});

/** What stands in a usage besides words of the grammar, at every place. */
const OWN_NAMES = new Set(['', 'action', ...helpTopics.flatMap((topic) => topic.split(' '))]);
const OTHER_NAMES = new Set(['no', '1', 'del', 'ls', 'lst', 'list', 'help', 'to']);

/** Lines that show words to be accepted which stand for values, by the place whose help names them. */
const shown: Partial<Record<HelpTopic, readonly string[]>> = {
  'ip link vxlan': [
    'ip link add v type vxlan external ttl auto tos inherit df unset ageing none maxaddress unlimited dstport 4789',
    'ip link add v type vxlan external local 10.0.0.1 ttl inherit df set dstport 4789',
    'ip link add v type vxlan external df inherit dstport 4789',
    'ip link add v type vxlan external dstport 4789 underlay udp',
    'ip link add v type vxlan external dstport 4789 dev e underlay pcap',
    'ip link add v type vxlan vni any tap-prefix m max-taps 5 tap-idle none tap-offload on dstport 4789',
    'ip link add v type vxlan vni any tap-offload off dstport 4789',
  ],
  'tc qdisc': ['tc qdisc add dev a handle ffff: ingress'],
  'tc filter': ['tc filter add dev a parent ffff: flower'],
  'tc chain': ['tc chain add dev a parent ffff: chain 5'],
  'tc filter flower': [
    ...['tcp', 'udp', 'sctp', 'icmp', '0x29'].map((name) => `protocol ip flower ip_proto ${name} action goto chain 5`),
    'protocol ipv6 flower ip_proto icmpv6',
    'protocol arp flower arp_op request',
    'protocol arp flower arp_op reply',
    'protocol ip flower ip_flags frag/nofirstfrag',
    'protocol ip flower ip_flags nofrag',
    'protocol ip flower ip_flags firstfrag',
    'flower enc_flags tuncsum/tundf/tunoam/tuncrit',
  ].map((words) => `tc filter add dev a ingress ${words}`),
  'tc filter tunnel_key': ['tc filter add dev a ingress flower action tunnel_key index 5'],
};

/** Of sentences within a usage. */
const SENTENCES = new Set(['each', 'with']);

/** The usage without the sentences around it. */
function usageOf(text: string): string {
  const [usage = ''] = text.split(/\n(?=[A-Z][a-z ]|[a-z]+ (?:is|has) |See also)/);
  return usage.replace(/ (?:for|as the) [\s\S]*?(?=\n[A-Z]+ +:=|\n {7,}\[|$)/g, '');
}

test('What a usage names, the parser accepts at that place', (t) => {
  for (const line of Object.values(shown).flat()) {
    t.notThrows(() => parseBatchLine(line.split(' ')), line);
  }
  // Of the actions that rewrite and measure, whose usages hold control words and values too, the table is held above.
  const others = ['vlan', 'pedit', 'csum', 'skbedit', 'police', 'sample', 'simple'].map((kind) => `tc filter ${kind}`);
  for (const topic of helpTopics.filter((each) => !others.includes(each))) {
    const accepted = new Set([
      ...(commandWords.get(topic) ?? []),
      ...(shown[topic] ?? []).join(' ').split(/[ :/-]/),
      ...Object.values(optionWords).flatMap((options) => options.map((option) => option.replaceAll(/[-=]/g, ''))),
    ]);
    const strangers = [...wordsOf(usageOf(helpText(topic)).replaceAll(/\b[A-Z][\w-]*\b/g, ''))].filter(
      (word) => !accepted.has(word) && !OWN_NAMES.has(word) && !OTHER_NAMES.has(word),
    );
    t.deepEqual(
      strangers.filter((word) => !SENTENCES.has(word)),
      [],
      topic,
    );
  }
});

test('Help is given at every place that a usage names under "See also"', (t) => {
  const places = helpTopics.flatMap((topic) => /See also: (.*)/.exec(helpText(topic))?.[1] ?? []);
  t.true(places.includes('tc filter add flower help'));
  for (const place of places) {
    const [tool, ...words] = place.replace(/^… /, '').split(' ');
    t.is(parseLine(tool === 'ip' || tool === 'bridge' ? tool : 'tc', words).kind, 'help', place);
  }
  t.is(parseLine('tc', 'filter add flower action mirred help'.split(' ')).kind, 'help');
  t.is(parseLine('tc', 'filter add dev eth0 parent 1: flower dst_ip 10.0.0.1 action drop'.split(' ')).kind, 'host');
});
