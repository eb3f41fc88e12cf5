import test from 'ava';
import { splitLinkSet } from './link-set-words.js';

for (const [line, rest, canUndo, settings] of [
  ['link set tap0 up', undefined, true, {}],
  ['link set dev up down', undefined, true, {}],
  ['l s dev up mtu 1400 up', 'l s dev up mtu 1400', true, { mtu: '1400' }],
  [
    'link set tap0 up txqlen 5 addr 02:00:00:00:00:01',
    'link set tap0 txqlen 5 addr 02:00:00:00:00:01',
    true,
    { txqueuelen: '5', address: '02:00:00:00:00:01' },
  ],
  ['link set tap0 alias it is up', 'link set tap0 alias it is up', true, { alias: 'it is up' }],
  ['link change tap0 mtu up', 'link change tap0 mtu up', true, { mtu: 'up' }],
  ['link set tap0 mtu 1400 master br0 up', 'link set tap0 mtu 1400 master br0', false, { mtu: '1400' }],
  ['link set tap0 nomaster', 'link set tap0 nomaster', false, {}],
  ['link set tap0 netns 1', 'link set tap0 netns 1', false, {}],
] as const) {
  test(`"${line}" is taken apart`, (t) => {
    const parts = splitLinkSet(line.split(' '));
    t.deepEqual(parts && { ...parts, rest: parts.rest?.join(' '), settings: Object.fromEntries(parts.settings) }, {
      rest,
      canUndo,
      settings,
    });
  });
}

test('a line with options in front, or of another command, is left as it is', (t) => {
  t.is(splitLinkSet(['-4', 'link', 'set', 'tap0', 'up']), undefined);
  t.is(splitLinkSet(['addr', 'add']), undefined);
  t.is(splitLinkSet([]), undefined);
});
