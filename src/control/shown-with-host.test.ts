import test from 'ava';
import { parseLine } from '../iproute/parse.js';
import { printLinks } from '../iproute/print-link.js';
import { linkOf } from './link-state.test.helper.js';
import { ShownWithHost } from './shown-with-host.js';

const plain = { statistics: false, details: false, json: false, pretty: false };

/** How the host's ip prints a TAP, whoever's it is. */
const tap = (ifindex: number, name: string): string =>
  `${ifindex}: ${name}: <BROADCAST> mtu 1500\n    link/ether 2:0\n`;

test('devices that come and go while the host is asked are shown as what they are, or not at all', async (t) => {
  const command = parseLine('ip', ['link', 'show']);
  if (command.kind !== 'link-show') throw new Error(command.kind);
  let states = [linkOf(2, 'stays'), linkOf(3, 'goes')];
  const devices = { registry: { find: () => undefined }, links: { states: () => states } };
  const shown = new ShownWithHost(devices, { qdiscsOf: () => [] }, async (_tool, _argv, say) => {
    // ip knows one that has gone by now, and one that came in the middle.
    states = [linkOf(2, 'stays'), linkOf(4, 'comes')];
    say({ out: tap(1, 'host') + tap(2, 'stays') + tap(3, 'goes') + tap(4, 'comes') });
  });
  let printed = '';
  await shown.links(command, (reply) => {
    if ('out' in reply) printed += reply.out;
  });
  t.is(printed, tap(1, 'host') + printLinks([linkOf(2, 'stays'), linkOf(4, 'comes')], plain));
});
