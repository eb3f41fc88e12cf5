import test from 'ava';
import { commandWords } from './command-words.js';
import { helpText, helpTopics } from './help.js';
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
