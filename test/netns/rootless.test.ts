// vtep without root: in a user namespace of an ordinary user, and as an ordinary user with one capability.
import { chmodSync, readdirSync } from 'node:fs';
import { ordinaryUser, UID } from './ordinary-user.js';
import { run } from './process.js';
import { rooted, twoHosts } from './rooted.js';
import { INNER, VTEP } from './topology.js';
import { ping } from './traffic.js';

for (const peer of ['kernel', 'vtep'])
  rooted(
    `netns-scripts/rootless.sh: an ordinary user's pings go through the tunnel, host A being ${peer}`,
    async (t) => {
      t.timeout(60_000);
      const user = await ordinaryUser(t);
      const script = ['bash', 'netns-scripts/rootless.sh', 'ping', '--peer', peer, '--tun', user.tun];
      const { code, stdout, stderr } = await run(user.as(script), { deadlineMs: 40_000 });
      t.is(code, 0, stderr);
      t.regex(stdout, /5 packets transmitted, 5 received, 0% packet loss/);
      t.regex(stderr, new RegExp(`user 0 inside, ${UID} outside`));
      t.deepEqual(readdirSync(user.home), ['tun'], 'nothing of it stays');
    },
  );

rooted('rootless.sh says what is missing before it makes anything', async (t) => {
  const user = await ordinaryUser(t);
  const attempt = async (...words: string[]): Promise<string> =>
    (await run(user.as(['bash', 'netns-scripts/rootless.sh', 'ping', ...words]))).stderr;
  t.regex(await attempt('--tun', '/nowhere/tun'), /\/nowhere\/tun is not there: modprobe tun/);
  chmodSync(user.tun, 0o000);
  t.regex(await attempt(), /tun may not be opened by this user: chmod 666 as root, or --tun PATH/);
  t.regex(await attempt('--peer', 'x'), /--peer is one of: auto kernel vtep/);
});

rooted('an ordinary user with CAP_NET_ADMIN runs an endpoint, and each right that it lacks is named', async (t) => {
  const topology = await twoHosts(t);
  const { a, b } = topology;
  const user = await ordinaryUser(t);
  const start = (...setpriv: string[]) => {
    const vtep = b.start(user.as([VTEP, 'run', '-b', '-'], ...setpriv));
    vtep.child.stdin?.end(`${topology.batch.join('\n')}\n`);
    return vtep;
  };
  const without = await start().exited;
  t.is(without.code, 1);
  t.regex(without.stderr, /vxlan0: Operation not permitted: making a TAP needs CAP_NET_ADMIN .*docs\/rootless\.md/);

  const daemon = start('--inh-caps', '+net_admin', '--ambient-caps', '+net_admin');
  await daemon.waitFor(/^vtep: ready/m);
  t.is((await ping(a, INNER[4].b)).received, 3);
  const say = async (line: string): Promise<string> => {
    const { code, stdout, stderr } = await run(b.argv(user.as([VTEP, ...line.split(' ')])));
    return `${code} ${stdout}${stderr}`;
  };
  await b.do('sysctl -qw net.ipv4.ip_unprivileged_port_start=1024');
  t.regex(await say('ip link add vx1 type vxlan id 7 dstport 500'), /^0 /);
  t.regex(
    await say('ip link set vx1 up'),
    /UDP port 500: Permission denied: ports below 1024 need CAP_NET_BIND_SERVICE/,
  );
  t.regex(await say('ip link add vx2 type vxlan external dstport 4999 underlay raw'), /^0 /);
  t.regex(await say('ip link set vx2 up'), /underlay raw: it needs CAP_NET_RAW: run as root/);
  t.regex(await say('ip link add vx3 type vxlan external dev vb dstport 4998 underlay pcap'), /^0 /);
  t.regex(await say('ip link set vx3 up'), /underlay pcap on vb: .*it needs CAP_NET_RAW/);
  t.regex(
    await say('tc filter add dev tap0 ingress pref 9 flower action mirred egress redirect dev vb'),
    /mirred to "vb", an interface of the host, needs CAP_NET_RAW/,
  );
  chmodSync(user.tun, 0o000);
  t.regex(await say('ip link add tap7 type tap'), /tun: Permission denied: this user may not open it: chmod 666/);
  t.is((await daemon.stop()).code, 0);
  t.deepEqual(readdirSync(user.home).sort(), ['tun', 'vtep'], 'its socket has gone');
  t.deepEqual(readdirSync(`${user.home}/vtep`), []);
});
