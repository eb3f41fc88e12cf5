// The same traffic over each underlay that sends: the kernel's vxlan device on host A, vtep on host B.
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { u16 } from '../../src/wire/bytes.js';
import { finish } from '../../src/wire/checksum.js';
import { emitEthernet } from '../../src/wire/ethernet.js';
import { emitIpv4, putIpv4Checksum } from '../../src/wire/ipv4.js';
import { emitIpv6 } from '../../src/wire/ipv6.js';
import { emitUdp } from '../../src/wire/udp.js';
import { emitVlan } from '../../src/wire/vlan.js';
import { Daemon } from './daemon.js';
import { ethernet, ipv4Udp } from './frames.js';
import { run } from './process.js';
import { rooted, twoHosts } from './rooted.js';
import { INNER, MAC_A, MAC_B, type Topology, VTEP } from './topology.js';
import { checksumErrors, iperf, ping, snmp, streamIsIntact } from './traffic.js';

/** The topology's batch with these words behind the vxlan device's options. */
function withUnderlay({ batch }: Topology, words: string): string[] {
  return batch.map((line) => (line.includes('type vxlan') ? `${line} ${words}` : line));
}

for (const underlay of [4, 6] as const) {
  for (const mode of ['super', 'wire'] as const) {
    rooted(`underlay raw carries ping, TCP both ways and every byte, outer IPv${underlay}, ${mode}`, async (t) => {
      const topology = await twoHosts(t, { mode, underlay });
      const { a, b } = topology;
      await Daemon.start(topology, withUnderlay(topology, 'underlay raw'));
      t.is((await ping(a, INNER[4].b)).received, 3);
      t.is((await ping(b, INNER[4].a)).received, 3);
      const receive = await iperf(a, b, INNER[4].b);
      const transmit = await iperf(a, b, INNER[4].b, { reverse: true });
      t.log(
        `receive ${(receive.bitsPerSecond / 1e9).toFixed(2)} Gb/s, transmit ${(transmit.bitsPerSecond / 1e9).toFixed(2)}`,
      );
      t.true(receive.bytes > 1e6, `received ${receive.bytes} bytes`);
      t.true(transmit.bytes > 1e6, `transmitted ${transmit.bytes} bytes`);
      t.true(await streamIsIntact(a, b, INNER[4].b, 16e6));
      t.true(await streamIsIntact(b, a, INNER[4].a, 16e6));
      t.deepEqual(await checksumErrors(a), { tcp: 0, udp: 0 }, 'host A');
      t.deepEqual(await checksumErrors(b), { tcp: 0, udp: 0 }, 'host B');
    });
  }
}

/** Waits until the daemon has counted `count` under `reason`; AVA's own deadline bounds it. */
async function counted(daemon: Daemon, reason: string, count: number): Promise<void> {
  while ((await daemon.drops())(reason) < count) await new Promise((resolve) => setTimeout(resolve, 50));
}

rooted('the peer of underlay raw hears of no unreachable port, and its port is taken', async (t) => {
  const topology = await twoHosts(t);
  const { a, b, outer } = topology;
  const daemon = await Daemon.start(topology, withUnderlay(topology, 'underlay raw'));
  await a.do(a.tool('send-datagrams', outer.b, '4789'), '08000000 00000400\n');
  await counted(daemon, 'no-inner-frame', 1);
  t.is((await snmp(b, 'Icmp')).OutDestUnreachs, 0);
  const second = await b.attempt(`ip link add vx9 type vxlan id 9 dstport 4789`);
  t.is(second.code, 0, second.stderr);
  t.regex((await b.attempt('ip link set vx9 up')).stderr, /Address already in use/);
});

for (const underlay of [4, 6] as const) {
  rooted(`underlay raw sends from any source port of the range, outer IPv${underlay}`, async (t) => {
    const topology = await twoHosts(t, { underlay });
    const { a, b } = topology;
    await Daemon.start(topology, withUnderlay(topology, 'srcport 40000 41000 underlay raw'));
    const seen = a.start(['tcpdump', '-n', '-l', '-i', 'va', '-Q', 'in', 'udp', 'dst', 'port', '4789']);
    await seen.waitFor(/listening on/);
    for (let port = 9000; port < 9040; port++) await b.do(['bash', '-c', `echo x >/dev/udp/${INNER[4].a}/${port}`]);
    const ports = (): Set<number> =>
      new Set([...seen.stdout.matchAll(/\.(\d+) > \S+\.4789:/g)].map(([, port]) => Number(port)));
    while (ports().size <= 16) await new Promise((resolve) => setTimeout(resolve, 50));
    t.true(
      [...ports()].every((port) => port >= 40000 && port < 41000),
      [...ports()].join(' '),
    );
  });
}

const ELSEWHERE = { 4: '192.168.1.77', 6: 'fd00:1::77' } as const;

/** Host B takes what A sends to somebody else. */
function mirrorBatch({ outer }: Topology, underlay: 4 | 6): string[] {
  const peer = ELSEWHERE[underlay];
  return [
    'ip link add vxlan0 type vxlan external dstport 4789 dev vb udp6zerocsumrx underlay pcap',
    'ip tuntap add dev tap0 mode tap',
    `ip link set dev tap0 address ${MAC_B} up`,
    `ip addr add ${INNER[4].b}/24 dev tap0`,
    `ip neigh add ${INNER[4].a} lladdr ${MAC_A} dev tap0`,
    'ip link set vxlan0 up',
    'tc qdisc add dev vxlan0 ingress',
    `tc filter add dev vxlan0 ingress protocol all pref 1 flower enc_key_id 4 enc_dst_ip ${peer} enc_src_ip ${outer.a} enc_dst_port 4789 action tunnel_key unset action mirred egress redirect dev tap0`,
    'tc qdisc add dev tap0 ingress',
    `tc filter add dev tap0 ingress protocol all pref 1 flower action tunnel_key set id 4 src_ip ${peer} dst_ip ${outer.a} action mirred egress redirect dev vxlan0`,
  ];
}

for (const underlay of [4, 6] as const) {
  for (const mode of ['super', 'wire'] as const) {
    rooted(`underlay pcap takes VXLAN that is for somebody else, outer IPv${underlay}, ${mode}`, async (t) => {
      const topology = await twoHosts(t, { underlay, mode });
      const { a, b } = topology;
      const peer = ELSEWHERE[underlay];
      await a.do(`ip neigh add ${peer} lladdr 02:00:00:00:00:77 dev va`);
      await a.do(`ip link set vxlan4 type vxlan remote ${peer}`);
      const daemon = await Daemon.start(topology, mirrorBatch(topology, underlay));
      const sink = b.start(b.tool('datagram-sink', INNER[4].b, '7000', '3'));
      await sink.waitFor(/listening/);
      await a.do(a.tool('send-datagrams', INNER[4].b, '7000'), '01\n0203\n040506\n');
      const { stdout } = await sink.exited;
      const lengths = stdout
        .trim()
        .split('\n')
        .map((line) => line.split(' ')[0]);
      t.deepEqual(lengths, ['listening', '1', '2', '3']);
      t.deepEqual(await checksumErrors(b), { tcp: 0, udp: 0 });
      // What the host answers goes nowhere, and is counted.
      t.is((await ping(a, INNER[4].b, { count: 2 })).received, 0);
      await counted(daemon, 'receive-only', 2);
    });
  }
}

/** A VXLAN frame from `from` to `to`, both hex, under these VLAN tags: what a switch's mirror port sends. */
function mirrored(from: string, to: string, tags: readonly number[], inner: string): string {
  const udp = 8 + 8 + inner.length / 2;
  const bytes = new Uint8Array(14 + 4 * tags.length + (from.length === 8 ? 20 : 40) + 16);
  const [source, destination] = [Buffer.from(from, 'hex'), Buffer.from(to, 'hex')];
  let at = 0;
  const type = from.length === 8 ? 0x0800 : 0x86dd;
  const types = [...tags.map(() => 0x8100), type];
  at += emitEthernet(
    {
      destination: Buffer.from('020000000077', 'hex'),
      source: Buffer.from('020000000014', 'hex'),
      type: types[0] ?? 0,
    },
    bytes,
    at,
  );
  for (const [n, id] of tags.entries())
    at += emitVlan({ id, priority: 0, dropEligible: false, type: types[n + 1] ?? 0 }, bytes, at);
  if (type === 0x0800) {
    const header = at;
    at += emitIpv4(
      {
        tos: 0,
        id: 1,
        dontFragment: false,
        moreFragments: false,
        fragmentOffset: 0,
        ttl: 9,
        protocol: 17,
        checksum: 0,
        source,
        destination,
        totalLength: 20 + udp,
        options: new Uint8Array(0),
      },
      bytes,
      at,
    );
    let sum = 0;
    for (let i = header; i < at; i += 2) sum += u16(bytes, i);
    putIpv4Checksum(bytes, header, finish(sum));
  } else {
    at += emitIpv6(
      { trafficClass: 0, flowLabel: 0, nextHeader: 17, hopLimit: 9, source, destination, payloadLength: udp },
      bytes,
      at,
    );
  }
  at += emitUdp({ sourcePort: 40000, destinationPort: 4789, length: udp, checksum: 0 }, bytes, at);
  bytes[at] = 8;
  bytes[at + 6] = 4;
  return Buffer.from(bytes).toString('hex') + inner;
}

for (const tags of [[], [7], [7, 9]]) {
  rooted(`underlay pcap looks behind ${tags.length} VLAN tags`, async (t) => {
    const topology = await twoHosts(t);
    const { a, b } = topology;
    const six = mirrorBatch({ ...topology, outer: { a: 'fd00:1::14', b: '' } } as Topology, 6).filter((line) =>
      line.startsWith('tc filter add dev vxlan0'),
    );
    await Daemon.start(topology, [...mirrorBatch(topology, 4), ...six.map((line) => line.replace('pref 1', 'pref 2'))]);
    const sink = b.start(b.tool('datagram-sink', INNER[4].b, '9', '2'));
    await sink.waitFor(/listening/);
    const frames = (
      ['c0a8010e c0a8014d', 'fd000001000000000000000000000014 fd000001000000000000000000000077'] as const
    ).map((addresses, n) => {
      const [from = '', to = ''] = addresses.split(' ');
      const packet = ipv4Udp(INNER[4].a, INNER[4].b, new Uint8Array(n + 1));
      return mirrored(from, to, tags, ethernet(MAC_B, MAC_A, 0x0800) + packet);
    });
    await a.do(a.tool('send-frames', 'va'), `${frames.join('\n')}\n`);
    const { stdout } = await sink.exited;
    t.deepEqual(
      stdout
        .trim()
        .split('\n')
        .map((line) => line.split(' ')[0]),
      ['listening', '1', '2'],
    );
  });
}

rooted('a capture ends with its interface and goes on with it, and vtep lives', async (t) => {
  const topology = await twoHosts(t);
  const { a, b } = topology;
  const daemon = await Daemon.start(topology, [
    'ip link add vxlan0 type vxlan external dstport 4789 dev vb underlay pcap',
    'ip link set vxlan0 up',
  ]);
  await b.do('ip link set vb down');
  await daemon.process.waitFor(/capture on vb has ended/);
  await b.do('ip link set vb up');
  await daemon.process.waitFor(/capture on vb goes on/);
  await a.do('ip neigh replace 192.168.1.77 lladdr 02:00:00:00:00:77 dev va');
  await a.do(a.tool('send-datagrams', '192.168.1.77', '4789'), '08000000 00000400\n');
  await counted(daemon, 'no-inner-frame', 1);
  await daemon.do('ip link set vxlan0 down');
  await b.do('ip link set vb down');
  const refused = await daemon.attempt('ip link set vxlan0 up');
  t.is(refused.code, 2);
  t.regex(refused.stderr, /^vtep: underlay pcap on vb: .*not up/m);
  t.is((await daemon.stop()).code, 0);
});

for (const [name, word, needs] of [
  ['raw-socket', 'underlay raw', 'g++ make python3'],
  ['cap', 'dev vb underlay pcap', 'g++ make python3 libpcap-dev'],
] as const) {
  rooted(`without ${name} all else works, and asking for its underlay says what to install`, async (t) => {
    const topology = await twoHosts(t);
    const { b } = topology;
    // An empty folder in the package's place, which only this vtep sees.
    const hidden = fileURLToPath(new URL(`../../../node_modules/${name}`, import.meta.url));
    const script = `mount -t tmpfs none ${hidden} && exec ${VTEP} run -b ${b.notes}/hidden.batch`;
    const lines = [
      'ip link add vxlan0 type vxlan external dstport 4789',
      'ip link set vxlan0 up',
      `ip link add vxlan1 type vxlan external dstport 4790 ${word}`,
    ];
    writeFileSync(`${b.notes}/hidden.batch`, `${lines.join('\n')}\n`);
    const process = b.start(['unshare', '-m', 'sh', '-c', script]);
    await process.waitFor(/^vtep: ready/m, 15_000);
    const refused = await run(b.argv([VTEP, 'ip', 'link', 'set', 'vxlan1', 'up']));
    t.is(refused.code, 2);
    t.true(refused.stderr.includes(`needs the npm package ${name}, which is not usable here`), refused.stderr);
    t.true(refused.stderr.includes(`apt-get install ${needs}, then npm install ${name}`), refused.stderr);
    t.regex(await b.do('ip link show vxlan0'), /\bUP\b/);
    t.notRegex(await b.do('ip link show vxlan1'), /[<,]UP[,>]/);
  });
}

for (const underlay of [4, 6] as const) {
  rooted(
    `classic devices share the port of underlay raw, one of them with a multicast group, outer IPv${underlay}`,
    async (t) => {
      const topology = await twoHosts(t, { underlay });
      const { a, b, outer } = topology;
      const group = underlay === 4 ? '239.1.1.5' : 'ff05::105';
      await a.do('ip link del vxlan4');
      await a.do(`ip link add vx5 type vxlan id 5 dstport 4789 group ${group} dev va`);
      await a.do('ip addr add 10.5.0.1/24 dev vx5');
      await a.do('ip link set vx5 up');
      await a.do(`ip link add vx6 type vxlan id 6 dstport 4789 local ${outer.a} remote ${outer.b}`);
      await a.do('ip addr add 10.6.0.1/24 dev vx6');
      await a.do('ip link set vx6 up');
      const daemon = await Daemon.start(topology, [
        `ip link add vx5 type vxlan id 5 dstport 4789 group ${group} dev vb underlay raw`,
        'ip addr add 10.5.0.2/24 dev vx5',
        'ip link set vx5 up',
        `ip link add vx6 type vxlan id 6 dstport 4789 remote ${outer.a} dev vb underlay raw`,
        'ip addr add 10.6.0.2/24 dev vx6',
        'ip link set vx6 up',
      ]);
      // ARP goes to the group, and to the one peer; the answers teach each side the other's address.
      t.is((await ping(a, '10.5.0.2')).received, 3);
      t.is((await ping(b, '10.5.0.1')).received, 3);
      t.is((await ping(a, '10.6.0.2')).received, 3);
      t.true((await iperf(a, b, '10.6.0.2')).bytes > 1e6);
      t.regex(await daemon.do('ip -d link show dev vx5'), /vxlan id 5 group .* underlay raw /);
      t.regex(await daemon.do('save'), /ip link add name vx6 .* underlay raw\n/);
      t.is(
        (await daemon.attempt('ip link set vx6 type vxlan underlay udp')).stderr,
        'Error: vxlan: cannot change underlay.\n',
      );
    },
  );
}

rooted('UDP that the sender left uncut is dropped by name over underlay raw, and never glued together', async (t) => {
  const topology = await twoHosts(t);
  const { a, b } = topology;
  const daemon = await Daemon.start(topology, withUnderlay(topology, 'underlay raw'));
  const sink = b.start(b.tool('datagram-sink', INNER[4].b, '7000', '1'));
  await sink.waitFor(/listening/);
  await a.do(a.tool('send-segmented', INNER[4].b, '7000', '1200', '12000'));
  await counted(daemon, 'lost-segment-size', 1);
  await a.do(a.tool('send-datagrams', INNER[4].b, '7000'), '0102\n');
  const { stdout } = await sink.exited;
  t.is(stdout.trim().split('\n')[1]?.split(' ')[0], '2');
});
