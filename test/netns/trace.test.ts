// vtep trace of a running vtep: by its rules and its table, and without a trace in it.
import { Daemon } from './daemon.js';
import { run } from './process.js';
import { rooted, twoHosts } from './rooted.js';
import { VTEP } from './topology.js';

interface Trace {
  readonly outputs: readonly { readonly device: string; readonly kind: string; readonly sentence: string }[];
  readonly hints: readonly string[];
}

rooted('a running vtep is traced by its own rules and forwarding table, and counts nothing of it', async (t) => {
  const topology = await twoHosts(t);
  const daemon = await Daemon.start(topology, [
    'ip link add vxlan0 type vxlan external dstport 4789',
    'ip link add red type vxlan id 7 dstport 4790 local 127.0.0.1',
    'ip link add blue type vxlan id 8 dstport 4791 local 127.0.0.1 remote 127.0.0.1',
    'ip tuntap add dev tap0 mode tap',
    'ip link set vxlan0 up',
    'ip link set red up',
    'ip link set blue up',
    'ip link set tap0 up',
    'tc qdisc add dev vxlan0 clsact',
    'bridge fdb append 02:00:00:00:00:05 dev red dst 127.0.0.5',
    'bridge fdb add 02:00:00:00:00:06 dev red dst 127.0.0.6 dynamic',
    'tc filter add dev vxlan0 ingress protocol ip pref 1 flower enc_key_id 5 action mirred egress redirect dev lo',
    'tc filter add dev vxlan0 ingress protocol ip pref 2 flower enc_key_id 4 action tunnel_key unset action mirred egress redirect dev tap0',
  ]);
  const look = (): Promise<string[]> =>
    Promise.all(
      ['tc -s filter show dev vxlan0 ingress', 'drops', 'bridge fdb show dev red'].map((line) => daemon.do(line)),
    );
  const before = await look();
  const text = await daemon.do('trace dev vxlan0 enc_key_id 4 ip_proto tcp dst_port 80');
  t.regex(text, /pref 1 handle 0x1: enc_key_id is 4, rule wants 5\n/);
  t.regex(text, /match: pref 2 handle 0x1 protocol ip flower enc_key_id 4\n/);
  t.regex(text, /\nend: to the host on tap0: 60 bytes\n$/);
  const trace = async (words: string): Promise<Trace> => JSON.parse(await daemon.do(`trace --json ${words}`)) as Trace;
  t.regex((await trace('dev vxlan0 enc_key_id 5')).outputs[0]?.sentence ?? '', /^out of the host's interface lo: /);
  for (const last of [5, 6]) {
    const { outputs } = await trace(`dev red egress dst_mac 02:00:00:00:00:0${last} ip_proto udp`);
    t.regex(
      outputs[0]?.sentence ?? '',
      new RegExp(`^red sends it into the tunnel to 127\\.0\\.0\\.${last} port 4790, VNI 7`),
    );
  }
  // The host's routes count: a peer that is the host itself, and one that nothing leads to.
  const own = await trace('dev blue egress ip_proto udp');
  t.deepEqual(
    own.outputs.map(({ device, kind }) => [device, kind]),
    [['blue', 'frame']],
  );
  t.deepEqual(own.hints, []);
  await daemon.do('bridge fdb append 02:00:00:00:00:07 dev red dst 203.0.113.9');
  t.deepEqual((await trace('dev red egress dst_mac 02:00:00:00:00:07 ip_proto udp')).hints, [
    'the host has no route to 203.0.113.9: what is sent there is dropped (send-unreachable)',
  ]);
  await daemon.do('bridge fdb del 02:00:00:00:00:07 dev red dst 203.0.113.9');
  const seconds = (lines: string[]): string[] => lines.map((line) => line.replace(/\d+ sec/g, 'N sec'));
  t.deepEqual(seconds(await look()), seconds(before));

  const nobody = await daemon.attempt('trace dev nowhere ip_proto udp');
  t.is(nobody.code, 1);
  t.regex(nobody.stderr, /^Cannot find device "nowhere"\n$/);
});

rooted('without a vtep that runs, and without a file, a trace says so', async (t) => {
  const topology = await twoHosts(t);
  const { code, stderr } = await run(topology.b.argv([VTEP, 'trace', 'dev', 'vxlan0']));
  t.is(code, 1);
  t.regex(stderr, /^vtep: no vtep runs/m);
});
