import test, { type ExecutionContext } from 'ava';
import { EOPNOTSUPP } from '../native/errno.js';
import { buildWire, openBench, type UnderlayName } from './conformance/benches.js';
import { receiveCases, sendCases, type UnderlayCase } from './conformance/cases.js';
import { rooted } from './testing/namespace.js';

/** What an underlay need not do, and why. */
const exemptions: Readonly<Record<UnderlayName, ReadonlyMap<string, string>>> = {
  udp: new Map(),
  raw: new Map(),
  pcap: new Map([
    ['a datagram that came in fragments arrives whole', 'libpcap sees fragments; the first one is refused by name'],
    ['what there was no room for is told once, as a difference', 'cap does not ask libpcap what the kernel dropped'],
    ...sendCases.map(({ title }) => [title, 'it only listens'] as const),
  ]),
  fake: new Map([
    ['what there was no room for is told once, as a difference', 'its queue has no bound'],
    ['without checksum a datagram has none', 'it has no checksums'],
    ['an entry that fails gets its errno and stops no other', 'it has no routes, and takes any length'],
    [
      'what is longer than the path is fragmented, and with DF or over IPv6 refused, of a bundle from the first on',
      'its wire has no MTU',
    ],
    [
      'what fits goes out behind what is too long for the path, though the two could be strung together',
      'its wire has no MTU',
    ],
  ]),
};

async function check(t: ExecutionContext, name: UnderlayName, family: 4 | 6, each: UnderlayCase): Promise<void> {
  t.timeout(60_000);
  const { bench, close } = await openBench(name, family, each);
  try {
    await each.run(bench);
    t.pass();
  } finally {
    await close();
  }
}

if (process.getuid?.() === 0) test.before(buildWire);

for (const name of ['fake', 'udp', 'raw', 'pcap'] as const) {
  for (const family of [4, 6] as const) {
    for (const each of [...receiveCases, ...sendCases]) {
      const declare = name === 'fake' ? test : rooted;
      if (!exemptions[name].has(each.title))
        declare(`${name}, IPv${family}: ${each.title}`, (t) => check(t, name, family, each));
    }
  }
}

test('every exemption is from a case that there is', (t) => {
  const titles = new Set([...receiveCases, ...sendCases].map(({ title }) => title));
  for (const name of ['udp', 'raw', 'pcap', 'fake'] as const)
    for (const title of exemptions[name].keys()) t.true(titles.has(title), title);
});

rooted('pcap refuses to send, by an errno of its own', async (t) => {
  const { bench, close } = await openBench('pcap', 4);
  const { underlay, peerAddress, peerPort } = bench;
  underlay.record(0, peerAddress, peerPort);
  underlay.add([Uint8Array.of(1)]);
  underlay.add([Uint8Array.of(2)]);
  t.deepEqual(underlay.send(), [EOPNOTSUPP, EOPNOTSUPP]);
  await close();
});
