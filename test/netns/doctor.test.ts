// vtep doctor on hosts with faults that were made for it.
import type { Reported, Verdict } from '../../src/cli/doctor/finding.js';
import { Daemon } from './daemon.js';
import { type Finished, run } from './process.js';
import { rooted, twoHosts } from './rooted.js';
import { type Host, type Topology, VTEP } from './topology.js';
import { ping } from './traffic.js';

interface Report {
  readonly version: number;
  readonly verdict: Verdict;
  readonly findings: readonly Reported[];
}

function doctor(host: Host, ...words: string[]): Promise<Finished> {
  return run(host.argv([VTEP, 'doctor', ...words]));
}

async function report(host: Host, ...words: string[]): Promise<Report & { readonly code: number | null }> {
  const { stdout, stderr, code } = await doctor(host, '--json', ...words);
  if (stderr !== '') throw new Error(stderr);
  return { ...(JSON.parse(stdout) as Report), code };
}

/** The findings of one check, as `level: sentence`. */
function said({ findings }: Report, check: string, section?: string): string[] {
  return findings
    .filter((each) => each.check === check && (section === undefined || each.section === section))
    .map(({ level, sentence }) => `${level}: ${sentence}`);
}

const batchWith = ({ batch }: Topology, ...more: string[]): string[] => [...batch, ...more];

rooted('on a host where all is well the doctor says so, ends with 0 and leaves nothing', async (t) => {
  const topology = await twoHosts(t, { mode: 'wire' });
  await Daemon.start(topology);
  const before = await topology.b.do('ip -o link show');
  const found = await report(topology.b);
  t.is(found.verdict, 'well', JSON.stringify(found.findings.filter(({ level }) => level !== 'ok')));
  t.is(found.code, 0);
  t.deepEqual(said(found, 'port'), ["ok: UDP port 4789 is open, and vtep's"]);
  t.deepEqual(said(found, 'mtu'), ['ok: an MTU of 1500 has room for vxlan0 1450, tap0 1450']);
  t.deepEqual(said(found, 'queues'), ['ok: receive queues hold 8 MiB']);
  t.regex(said(found, 'endpoint')[0] ?? '', /^ok: vtep runs as process \d+ for \d+ s, with 2 devices$/);
  t.is(await topology.b.do('ip -o link show'), before);
  const { stdout, code } = await doctor(topology.b);
  t.is(code, 0);
  t.regex(stdout, /^host\n {2}ok {7}platform/);
  t.regex(stdout, /\n\nall is well/);
});

rooted(
  'GRO that is off, an MTU that is too small and a strict rp_filter are advice with the words to type',
  async (t) => {
    const topology = await twoHosts(t, { mode: 'wire' });
    await Daemon.start(topology);
    const { b } = topology;
    await b.offloads('vb', 'gro off');
    await b.do('ip link set vb mtu 1400');
    await b.do(['sh', '-c', 'echo 1 >/proc/sys/net/ipv4/conf/vb/rp_filter']);
    const found = await report(b, 'dev', 'vxlan0');
    t.is(found.verdict, 'advice');
    t.is(found.code, 1);
    t.regex(said(found, 'gro', 'underlay vb')[0] ?? '', /^advice: GRO is off/);
    t.deepEqual(
      found.findings.filter(({ check, level }) => check === 'mtu' && level === 'advice').map(({ remedy }) => remedy),
      // vxlan0 follows its underlay; what somebody gave tap0 is his.
      ['ip link set tap0 mtu 1350, or ip link set vb mtu 1500 on every hop'],
    );
    t.regex(said(found, 'rp-filter')[0] ?? '', /^note: rp_filter is strict/);

    // What it says to type mends it.
    for (const line of ['ethtool -K vb gro on', 'ip link set vb mtu 1500']) await b.do(line);
    const mended = await report(b);
    t.is(mended.verdict, 'well');
  },
);

rooted('a plain veth is told from one of wire size', async (t) => {
  const topology = await twoHosts(t, { mode: 'super' });
  const found = await report(topology.b, 'dev', 'vb');
  t.regex(said(found, 'transmit')[0] ?? '', /^ok: a veth with checksum offload.*super/);
  t.regex(said(found, 'gro')[0] ?? '', /^note: GRO is off, as it is on a veth/);
  await topology.b.offloads('vb', 'tx off');
  t.regex(said(await report(topology.b, 'dev', 'vb'), 'transmit')[0] ?? '', /^note: .*link mode wire/);
});

rooted('a port that the kernel or a process has is found, with its name', async (t) => {
  const topology = await twoHosts(t);
  const { b } = topology;
  await b.do('ip link add vx9 type vxlan id 9 remote 192.168.1.14 dstport 4789');
  t.deepEqual(said(await report(b), 'port'), ['ok: UDP port 4789 is free']);
  await b.do('ip link set vx9 up');
  const kernels = await report(b);
  t.is(kernels.verdict, 'advice');
  t.deepEqual(said(kernels, 'port'), [
    "advice: UDP port 4789 is taken by the kernel's vxlan device vx9: a device of vtep cannot be set up on it",
  ]);
  await b.do('ip link del vx9');

  const daemon = await Daemon.start(topology, ['ip link add vxlan0 type vxlan external dstport 4789']);
  const other = b.start([
    process.execPath,
    '-e',
    "require('dgram').createSocket('udp4').bind(4789, () => console.log('bound'))",
  ]);
  await other.waitFor(/bound/);
  const taken = await report(b);
  t.is(taken.verdict, 'cannot-run');
  t.is(taken.code, 2);
  t.regex(said(taken, 'port')[0] ?? '', /^problem: .*taken by process \d+ \(\S+\): vxlan0 cannot be set up$/);
  await other.stop();
  t.deepEqual(said(await report(b), 'port'), ['note: UDP port 4789 is closed: vxlan0 is down']);
  await daemon.do('ip link set vxlan0 up');
  t.deepEqual(said(await report(b), 'port'), ["ok: UDP port 4789 is open, and vtep's"]);
});

rooted('drops that grow while it looks are told with their reason, those of before as a note', async (t) => {
  const topology = await twoHosts(t);
  const daemon = await Daemon.start(topology, batchWith(topology));
  const { a, b } = topology;
  await a.do('ip link add vx9 type vxlan id 9 local 192.168.1.14 remote 192.168.1.13 dstport 4789');
  await daemon.do('tc filter add dev vxlan0 ingress protocol all pref 9 flower enc_key_id 9 action drop');
  await a.do('ip addr add 10.9.0.1/24 dev vx9');
  await a.do('ip link set vx9 up');
  await a.do('ip neigh add 10.9.0.2 lladdr 02:00:00:00:00:09 dev vx9');
  const pinger = a.start(['ping', '-i', '0.01', '10.9.0.2']);
  for (let tries = 0; tries < 100 && (await daemon.drops())('action-drop') === 0; tries++) t.true(pinger.running);
  const found = await report(b);
  t.is(found.code, 1);
  t.regex(said(found, 'drops').join('\n'), /^advice: vxlan0 drops under action-drop, \d+ within/m);
  await pinger.stop('SIGKILL');
  t.regex(
    said(await report(b), 'drops')[0] ?? '',
    /^note: nothing is being dropped; since the start: vxlan0 action-drop/,
  );
});

rooted('datagrams without an outer checksum are seen on their way in', async (t) => {
  const topology = await twoHosts(t, { mode: 'wire' });
  await Daemon.start(topology);
  const { a, b } = topology;
  await ping(a, '10.4.0.2', { count: 1 });
  const looks = async (): Promise<string> => {
    const pinger = a.start(['ping', '-i', '0.005', '10.4.0.2']);
    await pinger.waitFor(/bytes from/);
    const [found = ''] = said(await report(b), 'outer-checksum');
    await pinger.stop('SIGKILL');
    return found;
  };
  t.regex(await looks(), /^ok: all of \d+ datagrams had an outer UDP checksum$/);
  const neighbour = (await a.do('cat /sys/class/net/vxlan4/address')).trim();
  await a.do('ip link del vxlan4');
  await a.do([
    ...'ip link add vxlan4 type vxlan id 4 local 192.168.1.14 remote 192.168.1.13 dstport 4789 noudpcsum'.split(' '),
  ]);
  await a.do(`ip link set vxlan4 address ${neighbour} mtu 1450 up`);
  await a.do('ip addr add 10.4.0.1/24 dev vxlan4');
  await a.do('ip neigh replace 10.4.0.2 lladdr 02:25:d0:13:01:02 dev vxlan4');
  t.regex(await looks(), /^advice: \d+ of \d+ datagrams came without an outer UDP checksum/);
});

rooted('an ordinary user hears what is missing, and what could not be looked at', async (t) => {
  const topology = await twoHosts(t);
  const { b } = topology;
  const words = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups', process.execPath, VTEP];
  const { stdout, code } = await run(b.argv([...words, 'doctor', '--json']));
  const found = JSON.parse(stdout) as Report;
  t.is(code, 2);
  t.is(found.verdict, 'cannot-run');
  t.regex(said(found, 'rights')[0] ?? '', /^problem: this user has no CAP_NET_ADMIN/);
  t.regex(said(found, 'outer-checksum')[0] ?? '', /^unseen: .*Operation not permitted/);
});

rooted('a daemon that does not answer, a device that is not there and words that mean nothing are told', async (t) => {
  const topology = await twoHosts(t);
  const daemon = await Daemon.start(topology);
  const missing = await doctor(topology.b, 'dev', 'nosuch');
  t.deepEqual([missing.code, missing.stdout, missing.stderr], [2, '', 'Cannot find device "nosuch"\n']);
  for (const [words, sentence] of [
    [['frob'], 'vtep: what is "frob"? (vtep doctor [dev NAME])\n'],
    [['dev'], 'vtep: "dev" wants the name of a device\n'],
    [['dev', 'vb', 'more'], 'vtep: what is "more"? (vtep doctor [dev NAME])\n'],
  ] as const) {
    const { code, stderr } = await doctor(topology.b, ...words);
    t.deepEqual([code, stderr], [2, sentence]);
  }
  const { pid = 0 } = daemon.process.child;
  process.kill(pid, 'SIGSTOP');
  t.teardown(() => process.kill(pid, 'SIGCONT'));
  const found = await report(topology.b);
  t.regex(said(found, 'endpoint')[0] ?? '', /^note: the vtep here did not answer within 3 s/);
  process.kill(pid, 'SIGCONT');
});
