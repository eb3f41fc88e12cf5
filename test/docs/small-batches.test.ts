// Batches that pages show to explain one thing, each carried out by a vtep of its own, and what is shown behind them.
import { Daemon } from '../netns/daemon.js';
import { rooted, twoHosts } from '../netns/rooted.js';
import { type Block, blocks } from './markdown.js';
import { commandsOf, isAsShown } from './session.js';

function only(page: string, language: string): Block[] {
  return blocks(page).filter((block) => block.language === language);
}

rooted('the batches of the pages about devices and underlays, and of the nutshell, are carried out', async (t) => {
  const topology = await twoHosts(t);
  const { b } = topology;
  await b.do('ip link set vb down');
  await b.do('ip link set vb name eth0');
  await b.do('ip link set eth0 up');
  const kinds = only('docs/vxlan-devices.md', 'batch');
  const shown = only('docs/vxlan-devices.md', 'console').map(({ lines }) => commandsOf(lines));
  t.deepEqual([kinds.length, shown.length], [2, 2]);
  for (const [n, { lines }] of kinds.entries()) {
    const daemon = await Daemon.start(topology, lines);
    for (const command of shown[n] ?? []) {
      const said = await daemon.do(command.line.replace(/^vtep /, ''));
      t.true(isAsShown(said.replace(/ +$/gm, '').trimEnd().concat('\n'), command), said);
    }
    t.is((await daemon.stop()).code, 0);
  }
  const [underlay] = only('docs/underlays.md', 'batch');
  const [rule, ...others] = only('docs/nutshell.md', 'batch');
  t.deepEqual(others, []);
  const around = ['ip link set vxlan0 up', 'ip tuntap add dev tap0 mode tap', 'tc qdisc add dev vxlan0 ingress'];
  const daemon = await Daemon.start(topology, [...(underlay?.lines ?? []), ...around, ...(rule?.lines ?? [])]);
  t.regex(await daemon.do('ip -d link show dev vxlan0'), /vxlan .*underlay raw/);
  const [unset, mirred] = await daemon.actions('vxlan0');
  t.regex(`${unset?.text} ${mirred?.text}`, /tunnel_key +unset.* mirred \(Egress Redirect to device tap0\)/);
});
