// The harness itself, proven with a kernel VXLAN device on both hosts: what fails here is not vtep's fault.
import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import test from 'ava';
import { parseActions } from './daemon.js';
import { Background, run } from './process.js';
import { rooted, twoHosts } from './rooted.js';
import { pattern } from './tools/pattern.js';
import { INNER } from './topology.js';
import { checksumErrors, iperf, linkStatistic, lose, ping, snmp } from './traffic.js';

function namespaces(): string[] {
  try {
    return readdirSync('/run/netns');
  } catch {
    return [];
  }
}

for (const mode of ['super', 'wire'] as const) {
  rooted(`two kernel endpoints carry ping and iperf3 both ways, ${mode}`, async (t) => {
    const { a, b } = await twoHosts(t, { endpoint: 'kernel', mode });
    const there = await ping(a, INNER[4].b);
    const back = await ping(b, INNER[4].a);
    t.like(there, { sent: 3, received: 3 });
    t.like(back, { sent: 3, received: 3 });
    t.true(there.average > 0);
    const receive = await iperf(a, b, INNER[4].b);
    const transmit = await iperf(a, b, INNER[4].b, { reverse: true });
    t.true(receive.bytes > 1e6 && receive.bitsPerSecond > 1e6);
    t.true(transmit.bytes > 1e6);
    t.deepEqual(await checksumErrors(b), { tcp: 0, udp: 0 });
  });
}

rooted('super mode hands over frames far above the MTU, wire mode none', async (t) => {
  const bytesPerPacket = async (mode: 'super' | 'wire'): Promise<number> => {
    const { a, b } = await twoHosts(t, { endpoint: 'kernel', mode });
    if (mode === 'wire') await b.offloads('vb', 'gro off'); // else they are merged before they are counted
    await iperf(a, b, INNER[4].b);
    return (await linkStatistic(b, 'vxlan4', 'rx_bytes')) / (await linkStatistic(b, 'vxlan4', 'rx_packets'));
  };
  t.true((await bytesPerPacket('super')) > 4000);
  t.true((await bytesPerPacket('wire')) <= 1464);
});

rooted('the underlay may be IPv6, and the inner packets too', async (t) => {
  const { a, b, mtu } = await twoHosts(t, { endpoint: 'kernel', underlay: 6, inner: '46', neighbours: 'arp' });
  t.is(mtu, 1430);
  t.is((await ping(a, INNER[4].b)).received, 3);
  t.is((await ping(a, INNER[6].b)).received, 3);
  t.true((await iperf(a, b, INNER[6].b)).bytes > 1e6);
});

rooted('UDP is sent at the rate asked for, and its loss is counted', async (t) => {
  const { a, b } = await twoHosts(t, { endpoint: 'kernel' });
  const result = await iperf(a, b, INNER[4].b, { udp: true, bandwidth: '20M', length: 1200 });
  t.true(result.packets > 1500);
  t.true(result.lost <= result.packets / 10);
});

rooted('lose() loses the share that it is told, and TCP sends again', async (t) => {
  const { a, b } = await twoHosts(t, { endpoint: 'kernel', mode: 'wire' });
  await lose(b, 'vb', 0.05);
  const { received } = await ping(a, INNER[4].b, { count: 400, interval: 0.002 });
  t.true(received > 340 && received < 400, `${received} of 400 came back`);
  const before = await snmp(a, 'Tcp');
  const result = await iperf(a, b, INNER[4].b, { length: 16_384 });
  t.true(result.retransmits > 0);
  const after = await snmp(a, 'Tcp');
  t.true((after.RetransSegs ?? 0) > (before.RetransSegs ?? 0));
});

rooted('nothing but what a test sends is on the tunnel', async (t) => {
  const { a, b } = await twoHosts(t, { endpoint: 'kernel' });
  await ping(a, INNER[4].b, { count: 5 });
  t.is(await linkStatistic(b, 'vxlan4', 'rx_packets'), 5);
  t.is(await linkStatistic(b, 'vxlan4', 'tx_packets'), 5);
});

rooted('a sender with UDP_SEGMENT and a sink tell datagram boundaries', async (t) => {
  const { a, b } = await twoHosts(t, { endpoint: 'kernel' });
  const sink = b.start(b.tool('datagram-sink', INNER[4].b, '7000', '5'));
  await sink.waitFor(/listening/);
  await a.do(a.tool('send-segmented', INNER[4].b, '7000', '1200', '5000'));
  const { stdout } = await sink.exited;
  const bytes = Uint8Array.from({ length: 5000 }, (_, i) => pattern(i));
  const expected = [0, 1200, 2400, 3600, 4800].map((start) => {
    const datagram = bytes.subarray(start, start + 1200);
    return `${datagram.length} ${createHash('sha1').update(datagram).digest('hex')}`;
  });
  t.deepEqual(stdout.trim().split('\n'), ['listening', ...expected]);
});

rooted('datagrams of any length are sent as written, also empty ones', async (t) => {
  const { a, b, outer } = await twoHosts(t, { endpoint: 'kernel' });
  const sink = b.start(b.tool('datagram-sink', outer.b, '7001', '3'));
  await sink.waitFor(/listening/);
  await a.do(a.tool('send-datagrams', outer.b, '7001'), '\n08\n08000000 00000400\n');
  const { stdout } = await sink.exited;
  t.deepEqual(
    stdout
      .trim()
      .split('\n')
      .map((line) => line.split(' ')[0]),
    ['listening', '0', '1', '8'],
  );
});

rooted('a prefix that stands already is refused, and stands on', async (t) => {
  const { a, b, prefix } = await twoHosts(t, { endpoint: 'kernel' });
  const again = await run(['bash', 'netns-scripts/two-hosts.sh', 'up', '--prefix', prefix]);
  t.is(again.code, 1);
  t.regex(again.stderr, /is up already/);
  t.is((await ping(a, INNER[4].b)).received, 3);
  t.is((await ping(b, INNER[4].a)).received, 3);
});

for (const signal of ['SIGTERM', 'SIGINT', 'SIGKILL'] as const) {
  rooted(`no namespace outlives a process that ended by ${signal}`, async (t) => {
    t.timeout(60_000);
    const { a } = await twoHosts(t, { endpoint: 'kernel' });
    const holder = new Background(a.tool('hold-topology'));
    t.teardown(() => holder.stop('SIGKILL'));
    await holder.waitFor(/^up (\S+)/m);
    const prefix = /^up (\S+)/m.exec(holder.stdout)?.[1] ?? '';
    t.true(namespaces().includes(`${prefix}-a`));
    await holder.stop(signal, 20_000);
    // nobody can clean up after SIGKILL but the next run
    if (signal === 'SIGKILL') await run(['bash', 'netns-scripts/two-hosts.sh', 'sweep']);
    t.deepEqual(
      namespaces().filter((name) => name.startsWith(prefix)),
      [],
    );
    t.true(namespaces().includes(a.namespace), 'those of the living stay');
  });
}

test('action statistics are read from the text of tc', (t) => {
  const text = [
    'filter protocol ip pref 1 flower chain 0 handle 0x1 ',
    '  eth_type ipv4',
    '  not_in_hw',
    '\taction order 1: tunnel_key  unset pipe',
    '\t index 3 ref 1 bind 1 installed 20085 sec used 1 sec',
    '\tAction statistics:',
    '\tSent 252 bytes 3 pkt (dropped 0, overlimits 0 requeues 0) ',
    '\tbacklog 0b 0p requeues 0',
    '',
    '\taction order 2: mirred (Egress Redirect to device tap0) stolen',
    '\tindex 3 ref 1 bind 1 installed 20085 sec used 1 sec',
    '\tAction statistics:',
    '\tSent 252 bytes 3 pkt (dropped 0, overlimits 0 requeues 0) ',
    '\tbacklog 0b 0p requeues 0',
  ].join('\n');
  t.deepEqual(parseActions(text), [
    { text: 'tunnel_key  unset pipe', bytes: 252, packets: 3 },
    { text: 'mirred (Egress Redirect to device tap0) stolen', bytes: 252, packets: 3 },
  ]);
});
