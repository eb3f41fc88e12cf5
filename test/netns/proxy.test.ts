// proxy: neighbours are answered for on vtep's device as on a kernel's, and what it does not know goes nowhere.
import { Daemon } from './daemon.js';
import { rooted, twoHosts } from './rooted.js';
import type { Host } from './topology.js';

/** What a device with proxy answers to questions that a bridge beside it asks. */
const OPTIONS = 'type vxlan id 4 dstport 4789 remote 192.168.9.9 proxy';

/** The device as a port of a bridge whose other port, x0, is where questions come from, and x1 where answers appear. */
async function bridged(host: Host): Promise<void> {
  for (const line of [
    'ip link add x0 type veth peer name x1',
    'ip link add br0 type bridge mcast_snooping 0',
    'ip link set x0 master br0 up',
    'ip link set vx4 master br0',
    'ip link set br0 up',
    'ip link set x1 up',
    'sysctl -q net.ipv6.conf.vx4.disable_ipv6=0',
    'ip neigh replace 10.4.0.7 lladdr 02:00:00:00:00:07 dev vx4 nud permanent',
    'ip -6 neigh replace fd04::7 lladdr 02:00:00:00:00:07 dev vx4 nud permanent',
    'ip neigh replace 10.4.0.8 lladdr 02:00:00:00:00:08 dev vx4 nud permanent',
  ]) {
    await host.do(line);
  }
}

const ASKER = '0200000000a1';
const arp = (target: string): string =>
  `ffffffffffff${ASKER}08060001080006040001${ASKER}0a0400a1000000000000${target}`.padEnd(120, '0');
/** A solicitation for fd04::n by fd04::a1, with the asker's address as an option or without. */
const solicitation = (n: string, option: string): string => {
  const length = (24 + option.length / 2).toString(16).padStart(4, '0');
  const target = `fd04${'0'.repeat(24)}${n.padStart(4, '0')}`;
  const ip = `6c000000${length}3afffd04${'0'.repeat(24)}00a1ff02${'0'.repeat(16)}0001ff00${n.padStart(4, '0')}`;
  return `3333ff00${n.padStart(4, '0')}${ASKER}86dd${ip}8700000000000000${target}${option}`;
};

const QUESTIONS = [
  arp('0a040007'),
  arp('0a040063'),
  arp('7f000001'),
  arp('e0000001'),
  arp('0a040008'),
  solicitation('7', `0101${ASKER}`),
  solicitation('7', ''),
  solicitation('63', ''),
  solicitation('7', '0000000000000000'),
  arp('0a040007'),
];

async function answers(host: Host): Promise<string[]> {
  const capture = host.start(host.tool('raw-frames', 'capture', 'x1'));
  await capture.waitFor(/capturing/);
  const lines = (): string[] => capture.stdout.split('\n').filter((line) => /^0200000000a1/.test(line));
  for (const question of QUESTIONS) await host.do(host.tool('raw-frames', 'inject', 'x1'), `${question}\n`);
  // The last one is known to be answered.
  const deadline = Date.now() + 10_000;
  while (lines().filter((line) => /0806/.test(line)).length < 2 && Date.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await capture.stop();
  return lines();
}

rooted(
  'questions for neighbours get the answers that the kernel’s device gives, and none goes into the tunnel',
  async (t) => {
    const topology = await twoHosts(t);
    t.timeout(120_000);
    const { a, b } = topology;
    await a.do('ip link del vxlan4');
    await a.do(`ip link add vx4 address 02:00:00:00:00:aa ${OPTIONS}`);
    await a.do('ip link set vx4 up');
    const daemon = await Daemon.start(topology, [
      `ip link add vx4 address 02:00:00:00:00:aa ${OPTIONS}`,
      'ip link set vx4 up',
    ]);
    for (const line of [
      'fdb add 02:00:00:00:00:08 dev vx4 dst 0.0.0.0',
      'fdb add 02:00:00:00:00:07 dev vx4 dst 192.168.9.9 router',
    ]) {
      await a.do(`bridge ${line}`);
      await daemon.do(`bridge ${line}`);
    }
    await bridged(a);
    await bridged(b);
    const theirs = await answers(a);
    const ours = await answers(b);
    t.deepEqual(ours, theirs);
    t.is(theirs.length, 4);
    const drops = await daemon.drops();
    t.is(drops('proxy-answered'), 4);
    t.true(drops('proxy-silent') >= 6);
  },
);
