/** Who may do what: an endpoint that has given up root's rights, under strangers of every kind. */
import { statSync } from 'node:fs';
import { Daemon } from '../../netns/daemon.js';
import { asUser, GID, makeOrdinaryUser, OTHER_UID, UID } from '../../netns/ordinary-user.js';
import { run as runCommand, until } from '../../netns/process.js';
import { chunk } from '../../netns/spoofed.js';
import { rightsLeft, threadRights } from '../../netns/thread-rights.js';
import { INNER, Topology, VTEP } from '../../netns/topology.js';
import { linkStatistic, ping } from '../../netns/traffic.js';
import type { Figure, Scenario, Strain } from '../scenario.js';

/** An address of host A that no rule names. */
const STRANGER = '203.0.113.9';
/** Datagrams of one run of the sender. */
const AT_ONCE = 1000;

function mustHold(holds: boolean, what: string): void {
  if (!holds) throw new Error(what);
}

/** Pings of an ordinary user through a tunnel of his own; how many were answered. */
async function rootless(): Promise<number> {
  const user = await makeOrdinaryUser();
  try {
    const script = ['bash', 'netns-scripts/rootless.sh', 'ping', '--tun', user.tun];
    const { stdout, stderr } = await runCommand(user.as(script), { deadlineMs: 40_000 });
    const [, received = '0'] = /(\d+) received/.exec(stdout) ?? [];
    mustHold(Number(received) === 5, `rootless.sh: ${received} of 5 pings were answered: ${stderr}`);
    return Number(received);
  } finally {
    user.remove();
  }
}

async function run({ brief, say }: Strain): Promise<readonly Figure[]> {
  const topology = await Topology.up();
  const { a, b, outer } = topology;
  try {
    await a.do(`ip addr add ${STRANGER}/32 dev lo`);
    await b.do(`ip route add ${STRANGER}/32 via ${outer.a}`);
    await b.do('sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.vb.rp_filter=0');
    const words = ['--user', `${UID}:${GID}`, '--workers', '2', '--strict-peers'];
    const daemon = await Daemon.start(topology, topology.batch, words);

    const threads = threadRights(daemon.process.child.pid ?? 0);
    const left = threads.flatMap((thread) => rightsLeft(thread, UID, GID));
    mustHold(left.length === 0, `rights that are left: ${left.join(', ')}`);

    const socket = `/run/vtep/net-${(await b.do('stat -L -c %i /proc/self/ns/net')).trim()}.sock`;
    const { mode, uid } = statSync(socket);
    mustHold((mode & 0o777) === 0o600 && uid === UID, `the control socket has mode ${mode.toString(8)}, user ${uid}`);
    let refused = 0;
    for (let n = 0; n < (brief ? 3 : 50); n++) {
      say(`user ${OTHER_UID + n} asks`);
      const { code } = await runCommand(b.argv(asUser(OTHER_UID + n, [VTEP, '--control', socket, 'drops'])));
      mustHold(code === 1, `user ${OTHER_UID + n} was answered`);
      refused++;
    }
    const needRights = ['ip link set tap0 mtu 1300', 'ip link add tap9 type tap', 'ip addr add 10.7.0.1/24 dev tap0'];
    for (const line of needRights) mustHold((await daemon.attempt(line)).code !== 0, `${line}: was done`);

    const sent = brief ? 2 * AT_ONCE : 100 * AT_ONCE;
    for (let done = 0; done < sent; done += AT_ONCE) {
      say(`${done} of ${sent} datagrams of a stranger's`);
      await chunk(a, { from: STRANGER, to: outer.b, port: 4789, vni: 4, count: AT_ONCE });
      await until(
        async () => {
          const drops = await daemon.drops();
          return drops('unknown-peer') + drops('socket-overflow') === done + AT_ONCE;
        },
        `${done + AT_ONCE} datagrams of a stranger's are counted`,
      );
      mustHold((await ping(a, INNER[4].b, { count: 1 })).received === 1, 'no answer to a ping of a peer');
    }
    const delivered = await linkStatistic(b, 'tap0', 'rx_packets');
    const pings = sent / AT_ONCE;
    mustHold(delivered === pings, `${delivered} frames on tap0 for ${pings} pings`);
    const drops = await daemon.drops();
    mustHold((await daemon.stop()).code === 0, 'it did not end well');
    say('an ordinary user');
    return [
      { value: threads.length, what: 'threads without any right' },
      { value: refused, what: 'users refused at the control socket' },
      { value: needRights.length, what: 'commands refused for want of rights' },
      { value: sent, what: "datagrams of a stranger's" },
      { value: drops('unknown-peer') + drops('socket-overflow'), what: 'of them counted as dropped' },
      { value: await rootless(), what: 'pings answered without root' },
    ];
  } finally {
    await topology.down();
  }
}

export const scenarios: readonly Scenario[] = [
  {
    name: 'rights',
    title: 'other users, commands without rights, strangers on the underlay, and no root at all',
    promise: 'no thread keeps a right, each of them is refused and counted, and peers are served',
    rights: 'root',
    run,
  },
];
