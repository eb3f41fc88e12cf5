// `vtep top` and the metrics of a running endpoint: what went through it is what they say.
import { Daemon } from './daemon.js';
import { until } from './process.js';
import { rooted, twoHosts } from './rooted.js';
import { INNER, VTEP } from './topology.js';
import { ping } from './traffic.js';

rooted('metrics and top tell of the pings that went through, by device, filter, VNI and peer', async (t) => {
  const topology = await twoHosts(t);
  const { a, b, outer } = topology;
  const daemon = await Daemon.start(topology, topology.batch, ['--metrics', '[::1]:9789']);
  t.regex(daemon.process.stderr, /metrics at http:\/\/\[::1\]:9789\/metrics/);
  const scrape = async (): Promise<(sample: string) => number> => {
    const text = await b.do(b.tool('http-get', 'http://[::1]:9789/metrics'));
    return (sample) =>
      Number(
        text
          .split('\n')
          .find((line) => line.startsWith(`${sample} `))
          ?.slice(sample.length),
      );
  };
  t.is((await ping(a, INNER[4].b, { count: 20 })).received, 20);
  const first = await scrape();
  const peer = `device="vxlan0",vni="4",peer="${outer.a}"`;
  t.is(first(`vtep_peer_receive_packets_total{${peer}}`), 20);
  t.is(first(`vtep_peer_transmit_packets_total{${peer}}`), 20);
  t.is(first(`vtep_peer_receive_bytes_total{${peer}}`), 20 * 84);
  t.is(first('vtep_device_receive_packets_total{device="vxlan0"}'), 20);
  t.is(
    first('vtep_filter_packets_total{device="vxlan0",hook="ingress",chain="0",pref="1",handle="0x1",cookie=""}'),
    20,
  );
  t.is(first('vtep_receive_batch_datagrams_sum{worker="0"}'), 20);
  t.true(first('vtep_worker_cpu_seconds_total{worker="0"}') > 0);

  // Without a terminal top prints tables of one interval.
  const watched = b.start([VTEP, 'top', '--interval', '2']);
  const pings = ping(a, INNER[4].b, { count: 30 });
  const { code, stdout } = await watched.exited;
  t.is(code, 0);
  t.is((await pings).received, 30);
  t.regex(stdout, new RegExp(`^vxlan0 +${outer.a.replaceAll('.', '\\.')} +4 +\\d`, 'm'));
  t.regex(stdout, /^DEVICE +KIND +STATE +RX PPS/m);
  const json = JSON.parse(await daemon.do('top --json --interval 0.2')) as {
    peers: { rx: { packets: number } }[];
    rates: object;
  };
  t.is(json.peers[0]?.rx.packets, 50);

  t.is((await daemon.attempt('top nonsense')).code, 1);
  t.regex(await b.do(b.tool('http-get', 'http://[::1]:9789/')), /^404\n/);
  t.regex(await b.do(b.tool('http-get', 'http://[::1]:9789/metrics', 'POST')), /^405\n/);
});

rooted('an address that is taken is said, and nothing is left behind', async (t) => {
  const topology = await twoHosts(t);
  const { b } = topology;
  await Daemon.start(topology, [], ['--metrics', '9789', '--control', `${b.notes}/one.sock`]);
  const other = b.start([VTEP, 'run', '--metrics', '9789', '--control', `${b.notes}/other.sock`]);
  const { code, stderr } = await other.exited;
  t.is(code, 1);
  t.regex(stderr, /vtep: --metrics 127\.0\.0\.1:9789: Address already in use/);
  await until(async () => (await b.attempt(`test -e ${b.notes}/other.sock`)).code !== 0, 'the socket is gone');
});
