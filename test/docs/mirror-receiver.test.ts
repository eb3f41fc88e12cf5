// The guide of mirror receivers, run as it stands: its batch, its filters, and what it says of drops.
import { Daemon } from '../netns/daemon.js';
import { rooted, twoHosts } from '../netns/rooted.js';
import { blocks } from './markdown.js';

const [batch, filters] = blocks('docs/mirror-receiver.md').filter(({ language }) => language === 'batch');

rooted('the batch of the guide makes a TAP for a VNI, and its filters take two VNIs alone', async (t) => {
  const topology = await twoHosts(t);
  const { a, b, outer } = topology;
  t.is(batch?.file, 'mirror.batch');
  const daemon = await Daemon.start(topology, batch?.lines ?? []);
  t.is(await daemon.do('drops'), 'nothing dropped\n');
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
  for (const line of filters?.lines ?? []) await daemon.do(line);
  await send(44);
  await send(43);
  await has('mir-43');
  t.not((await b.attempt('ip link show mir-44')).code, 0);
  t.is((await daemon.drops())('action-drop'), 1);
  t.regex(await daemon.do('ip -d link show mir-42'), /vni 42 mirror-of mir0/);
});
