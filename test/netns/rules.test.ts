// Actions and reasons at run time: mirror, gact, what nobody took, and what had no tunnel metadata.
import { Daemon } from './daemon.js';
import { rooted, twoHosts } from './rooted.js';
import { INNER, MAC_B } from './topology.js';
import { linkStatistic, ping } from './traffic.js';

const ENCAPSULATE =
  'action tunnel_key set id 4 src_ip 192.168.1.13 dst_ip 192.168.1.14 dst_port 4789 action mirred egress redirect dev vxlan0';

rooted('mirror copies a frame to a second TAP and lets it go on to the first', async (t) => {
  const topology = await twoHosts(t);
  const { a, b, batch } = topology;
  const mirrored = batch.map((line) =>
    line.includes('dev vxlan0 parent ffff:')
      ? line.replace('unset pipe', 'unset pipe action mirred egress mirror dev tap1 pipe')
      : line,
  );
  const first = mirrored.findIndex((line) => line.startsWith('tc '));
  mirrored.splice(first, 0, 'ip tuntap add dev tap1 mode tap', 'ip link set dev tap1 up');
  const daemon = await Daemon.start(topology, mirrored);
  t.is((await ping(a, INNER[4].b)).received, 3);
  t.is(await linkStatistic(b, 'tap0', 'rx_packets'), 3);
  t.is(await linkStatistic(b, 'tap1', 'rx_packets'), 3);
  t.deepEqual(
    (await daemon.actions('vxlan0')).map(({ text, bytes, packets }) => ({ text, bytes, packets })),
    [
      { text: 'tunnel_key  unset pipe', bytes: 252, packets: 3 },
      { text: 'mirred (Egress Mirror to device tap1) pipe', bytes: 252, packets: 3 },
      { text: 'mirred (Egress Redirect to device tap0) stolen', bytes: 252, packets: 3 },
    ],
  );
});

rooted('action drop and action pass end a frame before the rule behind them, each under its reason', async (t) => {
  const topology = await twoHosts(t);
  // pref 1 is the rule of the topology: it goes to pref 3, so that there is room before it
  const daemon = await Daemon.start(
    topology,
    topology.batch.map((line) => line.replace('protocol ip prio 1', 'protocol ip prio 3')),
  );
  t.is((await ping(topology.a, INNER[4].b, { count: 2 })).received, 2);
  await daemon.do('tc filter add dev vxlan0 parent ffff: protocol ip prio 1 flower enc_key_id 4 action drop');
  t.is((await ping(topology.a, INNER[4].b, { count: 2 })).received, 0);
  t.is((await daemon.drops())('action-drop'), 2);
  await daemon.do('tc filter del dev vxlan0 parent ffff: prio 1');
  await daemon.do('tc filter add dev vxlan0 parent ffff: protocol ip prio 1 flower enc_key_id 4 action pass');
  t.is((await ping(topology.a, INNER[4].b, { count: 2 })).received, 0);
  t.is((await daemon.drops())('action-pass'), 2);
  await daemon.do('tc filter del dev vxlan0 parent ffff: prio 1');
  t.is((await ping(topology.a, INNER[4].b, { count: 2 })).received, 2);
});

rooted('a change of a shared action is a change of every filter that is bound to it', async (t) => {
  const topology = await twoHosts(t);
  const lines = topology.batch.map((line) => line.replace('protocol ip prio 1', 'protocol ip prio 3'));
  const daemon = await Daemon.start(topology, [...lines, 'tc actions add action drop index 7 cookie c0ffee']);
  for (const prio of [1, 2]) {
    await daemon.do(
      `tc filter add dev vxlan0 parent ffff: protocol ip prio ${prio} flower enc_key_id 4 action gact index 7`,
    );
  }
  t.is((await ping(topology.a, INNER[4].b, { count: 2 })).received, 0);
  await daemon.do('tc actions change action continue index 7');
  t.is((await ping(topology.a, INNER[4].b, { count: 2 })).received, 2);
  const listed = await daemon.do('tc -s actions ls action gact');
  t.regex(
    listed,
    /index 7 ref 3 bind 2 .*\n.*\n\tSent 504 bytes 6 pkt \(dropped 2,/,
    'two by one filter, four by both',
  );
  t.regex(listed, /cookie c0ffee/);
  t.is((await daemon.attempt('tc actions del action gact index 7')).code, 255);
  await daemon.do('tc filter del dev vxlan0 parent ffff: prio 1');
  await daemon.do('tc filter del dev vxlan0 parent ffff: prio 2');
  await daemon.do('tc actions del action gact index 7');
  t.is(await daemon.do('tc actions ls action gact'), '');
});

rooted('frames of the host that no filter takes are counted as tap-unmatched', async (t) => {
  const topology = await twoHosts(t);
  const daemon = await Daemon.start(topology);
  await daemon.do('tc filter del dev tap0 ingress');
  t.is((await ping(topology.b, INNER[4].a, { count: 2 })).received, 0);
  t.is((await daemon.drops())('tap-unmatched'), 2);
  await daemon.do(`tc filter add dev tap0 ingress protocol all prio 1 flower src_mac ${MAC_B} ${ENCAPSULATE}`);
  t.is((await ping(topology.b, INNER[4].a, { count: 2 })).received, 2);
});

rooted('a frame sent to the vxlan device without tunnel_key set is counted as no-tunnel-metadata', async (t) => {
  const topology = await twoHosts(t);
  const daemon = await Daemon.start(topology);
  await daemon.do('tc filter del dev tap0 ingress');
  await daemon.do('tc filter add dev tap0 ingress protocol all prio 1 flower action mirred egress redirect dev vxlan0');
  t.is((await ping(topology.b, INNER[4].a, { count: 2 })).received, 0);
  t.is((await daemon.drops())('no-tunnel-metadata'), 2);
});

rooted('a peer that cannot be reached is counted, and the others go on', async (t) => {
  const topology = await twoHosts(t);
  const daemon = await Daemon.start(topology);
  await topology.b.do(`ip neigh replace 10.4.0.9 lladdr 24:25:d0:e1:00:09 dev tap0 nud permanent`);
  await daemon.do('tc filter del dev tap0 ingress');
  await daemon.do(
    'tc filter add dev tap0 ingress protocol ip prio 1 flower dst_ip 10.4.0.9 action tunnel_key set id 4 src_ip 192.168.1.13 dst_ip 203.0.113.9 dst_port 4789 action mirred egress redirect dev vxlan0',
  );
  await daemon.do(`tc filter add dev tap0 ingress protocol ip prio 1 flower dst_ip ${INNER[4].a} ${ENCAPSULATE}`);
  t.is((await ping(topology.b, '10.4.0.9', { count: 2 })).received, 0);
  t.is((await daemon.drops())('send-unreachable'), 2);
  t.is((await ping(topology.b, INNER[4].a, { count: 2 })).received, 2);
});

rooted('a refusal changes nothing and says what tc says', async (t) => {
  const topology = await twoHosts(t);
  const daemon = await Daemon.start(topology);
  const before = await daemon.do('tc filter show dev vxlan0 ingress');
  const rule = topology.batch.find((line) => line.includes('protocol ip prio 1 flower')) ?? '';
  const again = await daemon.attempt(rule);
  t.is(again.code, 2);
  t.regex(again.stderr, /^RTNETLINK answers: File exists\nWe have an error talking to /);
  const missing = await daemon.attempt('tc filter del dev vxlan0 parent ffff: protocol ip prio 77');
  t.is(missing.code, 2);
  const nowhere = await daemon.attempt('tc filter show dev no-such-dev ingress');
  t.is(nowhere.code, 1);
  t.is(await daemon.do('tc filter show dev vxlan0 ingress'), before);
  t.is((await ping(topology.a, INNER[4].b, { count: 2 })).received, 2);
});

rooted('vtep drops names every reason that counted, with its sentence', async (t) => {
  const topology = await twoHosts(t);
  const daemon = await Daemon.start(topology);
  await daemon.do('tc filter del dev vxlan0 parent ffff:');
  await ping(topology.a, INNER[4].b, { count: 2 });
  const text = await daemon.do('drops');
  t.regex(text, /unmatched/);
  t.regex(text, /no filter took the frame/);
  const row = (JSON.parse(await daemon.do('drops --json')) as { reason: string; [key: string]: unknown }[]).find(
    ({ reason, count }) => reason === 'unmatched' && count !== 0,
  );
  t.like(row, { reason: 'unmatched', verdict: 'pass', device: 'vxlan0', count: 2 });
  t.regex(String(row?.sentence), /no filter took the frame/);
});

rooted('frames that the host drops because vtep does not read them are counted as tap-queue-full', async (t) => {
  const topology = await twoHosts(t);
  const { a, b } = topology;
  const daemon = await Daemon.start(topology);
  await daemon.do('ip link set dev tap0 txqueuelen 8');
  daemon.process.child.kill('SIGSTOP');
  try {
    await ping(b, INNER[4].a, { count: 40, interval: 0.005 });
  } finally {
    daemon.process.child.kill('SIGCONT');
  }
  t.is((await ping(a, INNER[4].b)).received, 3, 'it goes on');
  const counted = (await daemon.drops())('tap-queue-full');
  t.true(counted > 0);
  t.is(counted, await linkStatistic(b, 'tap0', 'tx_dropped'));
});
