// The guide of mirror receivers, run as it stands: its batch, its filters, and what it says of drops.
import test from 'ava';
import { parse } from 'yaml';
import { Daemon } from '../netns/daemon.js';
import { rooted, twoHosts } from '../netns/rooted.js';
import { blocks } from './markdown.js';
import { commandsOf, isAsShown } from './session.js';
import { commandOf, Typist } from './typist.js';

const PAGE = blocks('docs/mirror-receiver.md');
const [batch, filters] = PAGE.filter(({ language }) => language === 'batch');

rooted('the batch of the guide makes a TAP for a VNI, and its filters take two VNIs alone', async (t) => {
  const topology = await twoHosts(t);
  const { a, b, outer } = topology;
  t.is(batch?.file, 'mirror.batch');
  const typist = new Typist(b, 'mirror');
  typist.file('mirror.batch', batch?.lines ?? []);
  const [run = '', tcpdump = '', zeek] = PAGE.find(({ language }) => language === 'sh')?.lines.map(commandOf) ?? [];
  const daemon = await Daemon.of(b, typist.start(run));
  const console = PAGE.filter(({ language }) => language === 'console').flatMap(({ lines }) => commandsOf(lines));
  t.deepEqual(
    console.map(({ line }) => line),
    ['vtep drops'],
  );
  for (const command of console) t.true(isAsShown((await typist.type(command.line)).stdout, command));
  const send = (vni: number): Promise<string> => {
    const header = `08000000${vni.toString(16).padStart(6, '0')}00`;
    return a.do(a.tool('send-datagrams', outer.b, '4789'), `${header}${'02'.repeat(12)}88b5${'00'.repeat(46)}\n`);
  };
  const has = async (name: string): Promise<void> => {
    for (;;) {
      if ((await b.attempt(`ip link show ${name}`)).code === 0) return;
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  };
  await send(42);
  await has('mir-42');
  // What listens there: tcpdump sees the next frame. Zeek is in no distribution's packages; it names the same interface.
  t.is(zeek, 'zeek -i af_packet::mir-42');
  if ((await b.attempt('which tcpdump')).code === 0) {
    const listening = typist.type(tcpdump, { until: /ethertype Unknown \(0x88b5\)/, keys: '\u0003' });
    for (let hasEnded = false; !hasEnded; ) {
      await send(42);
      hasEnded = await Promise.race([
        listening.then(() => true),
        new Promise<false>((r) => setTimeout(() => r(false), 100)),
      ]);
    }
  } else t.log('tcpdump is not installed');
  for (const line of filters?.lines ?? []) await daemon.do(line);
  await send(44);
  await send(43);
  await has('mir-43');
  t.not((await b.attempt('ip link show mir-44')).code, 0);
  t.is((await daemon.drops())('action-drop'), 1);
  t.regex(await daemon.do('ip -d link show mir-42'), /vni 42 mirror-of mir0/);
});

test('Suricata’s block on the page is YAML, and names a TAP that the receiver makes', (t) => {
  const [yaml, ...others] = PAGE.filter(({ language }) => language === 'yaml');
  t.deepEqual(others, []);
  const { 'af-packet': interfaces } = parse(yaml?.lines.join('\n') ?? '') as { 'af-packet': object[] };
  t.deepEqual(interfaces, [{ interface: 'mir-42', 'cluster-id': 42, 'cluster-type': 'cluster_flow', defrag: 'yes' }]);
});
