// A receiver of mirrored traffic (`vni any tap-prefix`): kernel vxlan devices of several VNIs send to it, as clouds do.
import { writeFileSync } from 'node:fs';
import type { ExecutionContext } from 'ava';
import { arriving } from './arriving.js';
import { Daemon } from './daemon.js';
import { ethernet, ipv4Udp, vxlanHeader } from './frames.js';
import { arp, hex, ip6, ipv4, ipv6, tcp, udp } from './headers.js';
import type { Background } from './process.js';
import { rooted, twoHosts } from './rooted.js';
import { type Host, type Topology, VTEP } from './topology.js';

const CLIENT = '02:00:00:00:00:0c';
const SERVER = '02:00:00:00:00:0d';

/** Frames that differ in `n`. */
function frame(n: number): string {
  return ethernet(SERVER, CLIENT, 0x0800) + ipv4Udp('10.9.0.1', '10.9.0.2', Buffer.from(hex(n, 8), 'hex'));
}

/** Waits for a condition; AVA's own deadline bounds it. */
async function until(what: string, t: ExecutionContext, holds: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 400; tries++) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  t.fail(`not in time: ${what}`);
}

interface LinkShown {
  readonly ifname: string;
  readonly mtu: number;
  readonly flags: readonly string[];
  readonly ifalias?: string;
  readonly linkinfo?: { readonly info_data?: Readonly<Record<string, unknown>> };
}

async function links(host: Host): Promise<LinkShown[]> {
  return (JSON.parse(await host.do('ip -d -j link show')) as Partial<LinkShown>[]).filter(
    (link): link is LinkShown => link.ifname !== undefined,
  );
}

/** The names of the TAPs on the host. */
async function taps(host: Host, prefix = 'mir-'): Promise<string[]> {
  return (await links(host))
    .map(({ ifname }) => ifname)
    .filter((name) => name.startsWith(prefix))
    .sort();
}

async function capture(host: Host, device: string): Promise<Background> {
  const process = host.start(host.tool('raw-frames', 'capture', device));
  await process.waitFor(/capturing/);
  return process;
}

function inject(host: Host, device: string, ...frames: readonly string[]): Promise<string> {
  return host.do(host.tool('raw-frames', 'inject', device), `${frames.join('\n')}\n`);
}

function datagrams(topology: Topology, ...lines: readonly string[]): Promise<string> {
  const { a, outer } = topology;
  return a.do(a.tool('send-datagrams', outer.b, '4789'), `${lines.join('\n')}\n`);
}

async function macOf(host: Host, device: string): Promise<string> {
  const [link] = JSON.parse(await host.do(`ip -j link show ${device}`)) as { address: string }[];
  return link?.address ?? '';
}

/** The sum over the UDP datagram of an IPv4 frame and its pseudo-header, all ones where it is right. */
function udpSum(bytes: Buffer): number {
  let sum = 17 + bytes.readUInt16BE(38);
  for (let at = 26; at + 1 < bytes.length; at += 2) sum += bytes.readUInt16BE(at);
  if (bytes.length % 2 === 1) sum += bytes.readUInt8(bytes.length - 1) << 8;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return sum;
}

/** A vtep with one receiver, and a kernel device on host A for each of these VNIs. */
async function receiver(topology: Topology, words: string, vnis: readonly number[]): Promise<Daemon> {
  const { a, outer } = topology;
  await a.do('ip link del vxlan4');
  for (const vni of vnis) {
    await a.do(`ip link add vx${vni} mtu 1400 type vxlan id ${vni} dstport 4789 remote ${outer.b} local ${outer.a}`);
    // Nothing but what the test sends.
    await a.do(['sh', '-c', `echo 1 >/proc/sys/net/ipv6/conf/vx${vni}/disable_ipv6`]);
    await a.do(`ip link set vx${vni} up`);
  }
  return Daemon.start(topology, [`ip link add mir0 type vxlan vni any ${words} dstport 4789`, 'ip link set mir0 up']);
}

for (const [underlay, words] of [
  [4, ''],
  [6, ''],
  [4, 'underlay raw'],
  [6, 'underlay raw'],
  [4, 'underlay pcap dev vb'],
  [6, 'underlay pcap dev vb'],
] as const) {
  rooted(`each VNI comes to a TAP of its own, from its first frame on, over IPv${underlay} ${words}`, async (t) => {
    const topology = await twoHosts(t, { underlay });
    const { a, b } = topology;
    const vnis = [1, 42, 16777215];
    const daemon = await receiver(topology, `tap-prefix mir- ${words}`, vnis);
    t.deepEqual(await taps(b), []);
    for (const vni of vnis) await inject(a, `vx${vni}`, frame(vni), frame(vni + 1));
    await until('the TAPs', t, async () => (await taps(b)).length === 3);
    t.deepEqual(await taps(b), ['mir-1', 'mir-16777215', 'mir-42']);
    for (const vni of vnis) {
      // What came before somebody listened has been written too.
      await until(`frames of ${vni}`, t, async () => {
        const [shown] = JSON.parse(await b.do(`ip -s -j link show mir-${vni}`));
        return shown.stats64.rx.packets === 2;
      });
      const seen = await capture(b, `mir-${vni}`);
      await inject(a, `vx${vni}`, frame(vni + 2), frame(vni + 3));
      await seen.waitFor(new RegExp(`^${frame(vni + 3)}$`, 'm'));
      t.deepEqual(seen.stdout.trim().split('\n'), [frame(vni + 2), frame(vni + 3)]);
      await seen.stop();
    }
    t.deepEqual(JSON.parse(await daemon.do('drops --json')), []);
    await daemon.stop();
    t.deepEqual(await taps(b), []);
  });
}

rooted('a TAP is up, long, silent, and says whose it is; the host gets nothing out of it', async (t) => {
  const topology = await twoHosts(t);
  const { a, b } = topology;
  // A host that does all that a host may do.
  await b.do(['sh', '-c', 'for f in all default; do echo 0 >/proc/sys/net/ipv6/conf/$f/disable_ipv6; done']);
  const daemon = await receiver(topology, 'tap-prefix mir-', [42]);
  const wire = await capture(a, 'va');
  await inject(a, 'vx42', frame(0));
  await until('the TAP', t, async () => (await taps(b)).length === 1);
  for (const name of ['mir0', 'mir-42']) {
    const link = (await links(b)).find(({ ifname }) => ifname === name);
    t.is(link?.mtu, 9216, name);
    t.true(link?.flags.includes('UP') && link.flags.includes('NOARP'), name);
    t.is((await b.do(`ip -o -6 addr show dev ${name}`)).trim(), '', name);
  }
  const [shown] = JSON.parse(await daemon.do('ip -d -j link show mir-42'));
  t.like(shown, { ifname: 'mir-42', ifalias: 'vtep: VNI 42 of mir0' });
  t.like(shown.linkinfo, { info_kind: 'tun', info_data: { type: 'tap', vni: 42, mirror_of: 'mir0' } });
  t.regex(await daemon.do('ip -d link show mir-42'), / tun type tap .*vni 42 mirror-of mir0 /);
  t.regex(await daemon.do('ip -d link show mir0'), / vxlan external id any tap-prefix mir- max-taps 128 tap-idle 300 /);
  // Questions and announcements that a host would take part in.
  await b.do('ip addr add 10.9.0.2/24 dev mir-42');
  const seen = await capture(b, 'mir-42');
  const router = `86000000400800000000000000000000${'030440c0000151800000e10000000000'}${ip6(0).slice(0, 32)}`;
  const mirrored = [
    ethernet('ff:ff:ff:ff:ff:ff', CLIENT, 0x0806) + arp(1, [CLIENT, '10.9.0.1'], ['00:00:00:00:00:00', '10.9.0.2']),
    ethernet('33:33:00:00:00:01', CLIENT, 0x86dd) + ipv6(router, 58, 1, 2, 0, 255),
    ethernet('ff:ff:ff:ff:ff:ff', CLIENT, 0x0800) + ipv4(udp(68, 67), { source: '10.9.0.1' }),
    frame(1),
  ];
  await inject(a, 'vx42', ...mirrored);
  await seen.waitFor(new RegExp(`^${frame(1)}$`, 'm'));
  t.deepEqual(seen.stdout.trim().split('\n'), mirrored);
  t.is((await b.do('ip -o -6 addr show dev mir-42')).trim(), '');
  // What somebody sends all the same.
  await inject(b, 'mir-42', frame(2), frame(3));
  await inject(b, 'mir0', frame(4));
  await until('the refusals', t, async () => (await daemon.drops())('mirror-receive-only') === 3);
  const rows = JSON.parse(await daemon.do('drops --json')) as { device: string; reason: string; count: number }[];
  t.deepEqual(
    rows.map(({ device, reason, count }) => [device, reason, count]),
    [
      ['mir0', 'mirror-receive-only', 1],
      ['mir-42', 'mirror-receive-only', 2],
    ],
  );
  await inject(b, 'vb', `${ethernet('24:25:d0:00:00:99', CLIENT, 0x88b5)}00`);
  await wire.waitFor(/88b500/);
  // 4789: nothing went back.
  t.deepEqual(
    wire.stdout.split('\n').filter((line) => line.slice(24, 28) === '0800' && line.includes('12b5')),
    [],
  );
});

rooted('mirrored frames come as they were: cut short, marked on the way, and one by one', async (t) => {
  const topology = await twoHosts(t, { mode: 'wire' });
  const { a, b } = topology;
  const daemon = await receiver(topology, 'tap-prefix mir-', []);
  await datagrams(topology, vxlanHeader(7) + frame(0));
  await until('the TAP', t, async () => (await taps(b)).length === 1);
  const seen = await capture(b, 'mir-7');
  // A header of IPv4 that ends after 6 bytes, one that lies about its length, no IP at all, 14 bytes.
  const segment = (n: number): string =>
    ethernet(SERVER, CLIENT, 0x0800) + ipv4(`${tcp(n, 80)}${'a5'.repeat(100)}`, { protocol: 6 });
  const frames = [
    frame(0).slice(0, 40),
    frame(0).slice(0, 100),
    ethernet(SERVER, CLIENT, 0x0800),
    `${ethernet(SERVER, CLIENT, 0x0801)}0102`,
    segment(5),
    segment(5),
    segment(6),
  ];
  await datagrams(topology, ...frames.map((each) => vxlanHeader(7) + each));
  await seen.waitFor(new RegExp(`^${segment(6)}$`, 'm'));
  t.deepEqual(seen.stdout.trim().split('\n'), frames);
  // Congestion on the way of the copies is nothing that the original met.
  const wire = {
    source: Uint8Array.of(192, 168, 1, 14),
    destination: Uint8Array.of(192, 168, 1, 13),
    toMac: await macOf(b, 'vb'),
    fromMac: await macOf(a, 'va'),
    port: 4789,
    last: 7 << 8,
  };
  await inject(a, 'va', arriving({ ...wire, tos: 3, inner: frame(8) }), arriving({ ...wire, tos: 1, inner: frame(9) }));
  await seen.waitFor(new RegExp(`^${frame(9)}$`, 'm'));
  t.deepEqual(seen.stdout.trim().split('\n'), [...frames, frame(8), frame(9)]);
  t.deepEqual(JSON.parse(await daemon.do('drops --json')), []);
});

for (const [words, whole] of [
  ['', 10],
  ['tap-offload on', 1],
] as const) {
  rooted(`a super-frame of a sender on this machine comes as ${whole} frames with "${words}"`, async (t) => {
    const topology = await twoHosts(t);
    const { a, b } = topology;
    await receiver(topology, `tap-prefix mir- ${words}`, [9]);
    await inject(a, 'vx9', frame(0));
    await until('the TAP', t, async () => (await taps(b)).length === 1);
    await a.do('ip addr add 10.9.0.1/24 dev vx9');
    await a.do(`ip neigh add 10.9.0.2 lladdr ${SERVER} dev vx9 nud permanent`);
    const seen = await capture(b, 'mir-9');
    await a.do(a.tool('send-segmented', '10.9.0.2', '7200', '1000', '10000'));
    await inject(a, 'vx9', frame(1));
    await seen.waitFor(new RegExp(`^${frame(1)}$`, 'm'));
    const frames = seen.stdout.trim().split('\n').slice(0, -1);
    t.is(frames.length, whole);
    if (whole === 1) return;
    // As on a wire: finished checksums, which an IDS looks at.
    for (const each of frames) t.is(udpSum(Buffer.from(each, 'hex')), 0xffff);
  });
}

rooted('a TAP goes when nothing has come for its time, and comes again', async (t) => {
  const topology = await twoHosts(t);
  const { a, b } = topology;
  const daemon = await receiver(topology, 'tap-prefix mir- tap-idle 1', [5, 6]);
  await inject(a, 'vx5', frame(1));
  await until('the TAP', t, async () => (await taps(b)).includes('mir-5'));
  // While one is used the other goes.
  await inject(a, 'vx6', frame(1));
  await until('both', t, async () => (await taps(b)).length === 2);
  await until('mir-6 to go', t, async () => {
    await inject(a, 'vx5', frame(2));
    return !(await taps(b)).includes('mir-6');
  });
  t.deepEqual(await taps(b), ['mir-5']);
  await until('mir-5 to go', t, async () => (await taps(b)).length === 0);
  await inject(a, 'vx6', frame(3));
  await until('mir-6', t, async () => (await taps(b)).includes('mir-6'));
  await until('its frame', t, async () => {
    const [shown] = JSON.parse((await b.attempt('ip -s -j link show mir-6')).stdout || '[{}]');
    return shown.stats64?.rx.packets === 1;
  });
  // For ever.
  await daemon.do('ip link set mir0 type vxlan tap-idle none');
  t.regex(await daemon.do('ip -d link show mir0'), /tap-idle none/);
});

rooted('there are no more TAPs than may be; what is refused is counted, told, and has its turn later', async (t) => {
  const topology = await twoHosts(t);
  const { a, b } = topology;
  const vnis = [1, 2, 3];
  const daemon = await receiver(topology, 'tap-prefix mir- max-taps 2', vnis);
  const monitor = b.start([VTEP, 'monitor', 'mirror']);
  const json = b.start([VTEP, 'monitor', '-j', 'mirror']);
  await until('the monitors', t, async () => monitor.running && json.running);
  for (const vni of [1, 2]) await inject(a, `vx${vni}`, frame(vni));
  await until('the TAPs', t, async () => (await taps(b)).length === 2);
  await until('a refusal that is told', t, async () => {
    await inject(a, 'vx3', frame(3), frame(4));
    return /no TAP/.test(monitor.stdout) && /no_tap/.test(json.stdout);
  });
  t.regex(monitor.stdout, /^no TAP dev mir0 vni 3 \(there are 2, which is max-taps\)$/m);
  t.like(JSON.parse(json.stdout.split('\n')[0] ?? ''), { object: 'mirror', no_tap: true, dev: 'mir0', vni: 3 });
  t.deepEqual(await taps(b), ['mir-1', 'mir-2']);
  t.true((await daemon.drops())('mirror-limit') >= 2);
  t.regex(daemon.process.stderr, /mir0: VNI 3 has no TAP: there are 2, which is max-taps/);
  // A scan: every VNI is counted, and none gets a TAP.
  const before = (await daemon.drops())('mirror-limit') + (await daemon.drops())('mirror-wait');
  await datagrams(topology, ...Array.from({ length: 500 }, (_, n) => vxlanHeader(1000 + n) + frame(n)));
  await until('the scan', t, async () => {
    const drops = await daemon.drops();
    return drops('mirror-limit') + drops('mirror-wait') === before + 500;
  });
  t.deepEqual(await taps(b), ['mir-1', 'mir-2']);
  // More room: at once.
  await daemon.do('ip link set mir0 type vxlan max-taps 3');
  await until('the third', t, async () => {
    await inject(a, 'vx3', frame(5));
    return (await taps(b)).length === 3;
  });
});

rooted('people delete, rename and move TAPs, and set the receiver down; it goes, and they go', async (t) => {
  const topology = await twoHosts(t);
  const { a, b } = topology;
  const daemon = await receiver(topology, 'tap-prefix mir-', [1, 2, 3]);
  const all = async (): Promise<void> => {
    for (const vni of [1, 2, 3]) await inject(a, `vx${vni}`, frame(vni));
  };
  await all();
  await until('the TAPs', t, async () => (await taps(b)).length === 3);
  await b.do('ip link del mir-1');
  await until('the deleted one again', t, async () => {
    await inject(a, 'vx1', frame(1));
    return (await taps(b)).includes('mir-1');
  });
  await daemon.do('ip link del mir-2');
  t.deepEqual(await taps(b), ['mir-1', 'mir-3']);
  await b.do('ip link set mir-3 down');
  await b.do('ip link set mir-3 name zeek0');
  await b.do('ip link set zeek0 up');
  const seen = await capture(b, 'zeek0');
  await inject(a, 'vx3', frame(33));
  await seen.waitFor(new RegExp(`^${frame(33)}$`, 'm'));
  await seen.stop();
  const sensor = await topology.addHost('c');
  await b.do(`ip link set zeek0 netns ${sensor.namespace}`);
  await sensor.do('ip link set zeek0 up');
  const there = await capture(sensor, 'zeek0');
  await until('frames in the other namespace', t, async () => {
    await inject(a, 'vx3', frame(34));
    return there.stdout.includes(frame(34));
  });
  await there.stop();
  t.deepEqual(await taps(b), ['mir-1']);
  // Its MTU is theirs.
  await b.do('ip link set mir0 mtu 3000');
  await until('the MTU', t, async () => (await links(b)).find(({ ifname }) => ifname === 'mir-1')?.mtu === 3000);
  await b.do('ip link set mir0 down');
  t.deepEqual(await taps(b), ['mir-1']);
  await daemon.do('ip link set mir0 up');
  const again = await capture(b, 'mir-1');
  await until('frames again', t, async () => {
    await inject(a, 'vx1', frame(35));
    return again.stdout.includes(frame(35));
  });
  await again.stop();
  await daemon.do('tc qdisc add dev mir-1 clsact');
  await daemon.do('tc filter add dev mir-1 egress protocol ip pref 1 flower action drop');
  await daemon.do('ip link del mir0');
  await until('all to be gone', t, async () => (await taps(b)).length === 0);
  await until('and in the other namespace', t, async () => (await taps(sensor, 'zeek')).length === 0);
  // Their indices, and nothing of their filters, are another's.
  await daemon.do('ip tuntap add dev fresh0 mode tap');
  t.is(await daemon.do('tc filter show dev fresh0 egress'), '');
  t.notRegex(await daemon.do('tc qdisc show dev fresh0'), /clsact/);
});

rooted(
  'filters come first, at the receiver and at each TAP; what one unsets goes to the receiver itself',
  async (t) => {
    const topology = await twoHosts(t);
    const { a, b } = topology;
    const daemon = await receiver(topology, 'tap-prefix mir-', [1, 2, 3, 4]);
    for (const line of [
      'ip tuntap add dev all0 mode tap',
      'ip link set all0 up',
      'tc qdisc add dev mir0 clsact',
      'tc filter add dev mir0 ingress protocol all pref 1 flower enc_key_id 1 action drop',
      'tc filter add dev mir0 ingress protocol all pref 1 flower enc_key_id 2 action mirred egress mirror dev all0 action pass',
      'tc filter add dev mir0 ingress protocol all pref 1 flower enc_key_id 3 action tunnel_key unset action pass',
    ])
      await daemon.do(line);
    const seen = new Map<string, Background>();
    for (const name of ['all0', 'mir0']) seen.set(name, await capture(b, name));
    for (const vni of [1, 2, 3, 4]) await inject(a, `vx${vni}`, frame(vni));
    await seen.get('all0')?.waitFor(new RegExp(`^${frame(2)}$`, 'm'));
    await seen.get('mir0')?.waitFor(new RegExp(`^${frame(3)}$`, 'm'));
    await until('the TAPs', t, async () => (await taps(b)).length === 2);
    t.deepEqual(await taps(b), ['mir-2', 'mir-4']);
    t.deepEqual(seen.get('all0')?.stdout.trim().split('\n'), [frame(2)]);
    t.deepEqual(seen.get('mir0')?.stdout.trim().split('\n'), [frame(3)]);
    await daemon.do('tc qdisc add dev mir-4 clsact');
    await daemon.do('tc filter add dev mir-4 egress protocol all pref 1 flower action mirred egress redirect dev all0');
    await inject(a, 'vx4', frame(44));
    await seen.get('all0')?.waitFor(new RegExp(`^${frame(44)}$`, 'm'));
    t.is((await daemon.drops())('action-drop'), 1);
  },
);

rooted('without a prefix all VNIs come to the receiver itself', async (t) => {
  const topology = await twoHosts(t);
  const { a, b } = topology;
  const daemon = await receiver(topology, '', [1, 2]);
  const seen = await capture(b, 'mir0');
  for (const vni of [1, 2]) await inject(a, `vx${vni}`, frame(vni));
  await seen.waitFor(new RegExp(`^${frame(2)}$`, 'm'));
  t.deepEqual(seen.stdout.trim().split('\n'), [frame(1), frame(2)]);
  await inject(b, 'mir0', frame(4));
  await until('the refusal', t, async () => (await daemon.drops())('mirror-receive-only') === 1);
  t.regex(await daemon.do('ip -d link show mir0'), / vxlan external id any srcport /);
});

rooted('a name that is taken is said, and its VNI counted; the others have their TAPs', async (t) => {
  const topology = await twoHosts(t);
  const { a, b } = topology;
  await b.do('ip link add mir-1 type bridge');
  const daemon = await receiver(topology, 'tap-prefix mir-', [1, 2]);
  await inject(a, 'vx1', frame(1), frame(1));
  await inject(a, 'vx2', frame(2));
  await until('the other TAP', t, async () => (await taps(b)).includes('mir-2'));
  await until('the count', t, async () => (await daemon.drops())('mirror-no-tap') === 2);
  await daemon.process.waitFor(/mir0: VNI 1 has no TAP: mir-1: RTNETLINK answers: File exists/);
  t.pass();
});

rooted('what is saved, read again, and tried is the receiver alone; its TAPs stay meanwhile', async (t) => {
  const topology = await twoHosts(t);
  const { a, b } = topology;
  const daemon = await receiver(topology, 'tap-prefix mir- max-taps 9', [1, 2]);
  for (const vni of [1, 2]) await inject(a, `vx${vni}`, frame(vni));
  await until('the TAPs', t, async () => (await taps(b)).length === 2);
  const index = async (): Promise<number> => JSON.parse(await b.do('ip -j link show mir-1'))[0].ifindex;
  const first = await index();
  const saved = await daemon.do('save');
  t.regex(saved, /^ip link add name mir0 mtu 9216 .*type vxlan vni any tap-prefix mir- max-taps 9 dstport 4789$/m);
  t.notRegex(saved, /mir-1|mir-2/);
  t.is((await daemon.attempt('reload')).code, 0);
  t.is(await index(), first);
  const file = `${b.notes}/dry.batch`;
  writeFileSync(file, 'ip link add mir1 type vxlan vni any tap-prefix oth- dstport 4799\nip link del mir0\n');
  const dry = await daemon.do(`-b ${file} --dry-run`);
  t.regex(dry, /^\+ip link add .*mir1 .*vni any tap-prefix oth-/m);
  t.is(await index(), first);
  writeFileSync(file, 'ip link add mir1 type vxlan vni any tap-prefix mir- dstport 4799\n');
  const refused = await daemon.attempt(`-b ${file} --atomic`);
  t.regex(refused.stderr, /Error: The tap-prefix "mir-" is another device's\./);
  writeFileSync(file, 'ip link del mir0\nip link add mir1 up type vxlan vni any dstport 4789\n');
  t.is((await daemon.attempt(`-b ${file} --atomic`)).code, 0);
  await until('all to be gone', t, async () => (await taps(b)).length === 0);
  t.is((await daemon.attempt('reload')).code, 0);
  await until('a TAP', t, async () => {
    await inject(a, 'vx2', frame(2));
    return (await taps(b)).length === 1;
  });
});
