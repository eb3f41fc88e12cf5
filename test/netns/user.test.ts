// vtep run --user: what is left of root's rights, who may speak to it then, and what it still does.
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Daemon, startVtep } from './daemon.js';
import { asUser, GID, OTHER_UID, UID } from './ordinary-user.js';
import { run, until } from './process.js';
import { rooted, twoHosts } from './rooted.js';
import { childrenOf, rightsLeft, threadRights } from './thread-rights.js';
import { type Host, INNER, VTEP } from './topology.js';
import { ping } from './traffic.js';

/** The process that a line of `ip netns exec` has become: setpriv and ip make way for it. */
const pidOf = (daemon: Daemon): number => daemon.process.child.pid ?? 0;

async function socketOf(host: Host): Promise<string> {
  return `/run/vtep/net-${(await host.do('stat -L -c %i /proc/self/ns/net')).trim()}.sock`;
}

rooted('--user: no thread keeps a right, frames go on, and what needs one is refused with a sentence', async (t) => {
  const topology = await twoHosts(t);
  const { a, b } = topology;
  // A device that follows the MTU of what it stands on, which is a right, too.
  const lines = [...topology.batch, 'ip link add vx9 type vxlan id 9 dstport 4999 dev vb', 'ip link set vx9 up'];
  const daemon = await Daemon.start(topology, lines, ['--user', `${UID}:${GID}`, '--workers', '2']);
  t.regex(
    daemon.process.stderr,
    new RegExp(`runs as ${UID}:${GID} \\(user ${UID}, group ${GID}\\) .* no capabilities`),
  );
  const threads = threadRights(pidOf(daemon));
  t.true(threads.length >= 8, `${threads.length} threads`);
  t.deepEqual(
    threads.flatMap((thread) => rightsLeft(thread, UID, GID)),
    [],
  );
  const own = threads.filter(({ name }, n) => n === 0 || name.startsWith('vtep-worker'));
  t.is(own.length, 3);
  for (const { name, fields } of own) t.is(fields.get('CapBnd'), '0000000000000000', name);

  const path = await socketOf(b);
  const { uid, mode } = statSync(path);
  t.deepEqual([uid, mode & 0o777, statSync('/run/vtep').mode & 0o022], [UID, 0o600, 0]);
  const asked = async (who: number): Promise<string> => {
    const { code, stderr } = await run(b.argv(asUser(who, [VTEP, 'drops'])));
    return `${code} ${stderr}`;
  };
  t.is(await asked(UID), '0 ', 'who the daemon is may speak to it, without an option');
  t.regex(await asked(OTHER_UID), /^1 .*that daemon is another user's, who alone \(and root\) may speak to it/);

  t.is((await ping(a, INNER[4].b)).received, 3);
  await daemon.do('tc filter add dev tap0 ingress protocol all pref 77 flower dst_mac 02:00:00:00:00:09 action drop');
  for (const line of ['ip addr add 10.77.0.1/24 dev tap0', 'ip link set tap0 mtu 1300', 'ip link add tap9 type tap']) {
    const { code, stderr } = await daemon.attempt(line);
    t.not(code, 0, line);
    t.regex(stderr, /(not permitted|Permission denied)[\s\S]*vtep: this vtep has given up all rights \(--user /, line);
  }
  // Of its own accord it would set an MTU: it says why it does not, and goes on to follow links.
  await b.do('ip link set vb mtu 1400');
  await daemon.process.waitFor(/vx9: its MTU is to be 1350 now, which needs CAP_NET_ADMIN to set/);
  await b.do('ip link set vx9 down');
  await b.do('ip link set vx9 name vx8');
  await b.do('ip link set vx8 up');
  await until(async () => /vx8: <.*\bUP\b/.test((await daemon.attempt('ip link show vx8')).stdout), 'vx8 is followed');
  t.is((await ping(a, INNER[4].b)).received, 3);

  t.is((await daemon.stop()).code, 0);
  t.false((await b.do('ip -o link')).includes('tap0'), 'its TAPs go with it');
  t.is(/vtep: .*(EACCES|EPERM|not permitted)/.exec(daemon.process.stderr), null);
  t.true(existsSync(path), 'in a directory of root’s the socket stays');
  const next = await Daemon.start(topology);
  t.is((await ping(a, INNER[4].b)).received, 3);
  t.is((await next.stop()).code, 0);
  t.false(existsSync(path), 'and the next vtep removes it');
});

rooted(
  '--keep-caps and --control-group: what was asked for is left, and members of a group give commands',
  async (t) => {
    const topology = await twoHosts(t);
    const { a, b } = topology;
    const folder = mkdtempSync(join(tmpdir(), 'vtep-user-'));
    chmodSync(folder, 0o755);
    t.teardown(() => rmSync(folder, { recursive: true, force: true }));
    const control = join(folder, 'own', 'x.sock');
    const lines = [
      ...topology.batch,
      'ip link add cap0 type vxlan external dev vb dstport 4999 underlay pcap',
      'ip link set cap0 up',
    ];
    const words = [
      '--user',
      `${UID}:${UID}`,
      '--keep-caps',
      'net_admin',
      '--control',
      control,
      '--control-group',
      `${GID}`,
    ];
    const daemon = await Daemon.start(topology, lines, words);
    const [main, ...others] = threadRights(pidOf(daemon));
    const left = [
      ...(main ? rightsLeft(main, UID, UID, '0000000000001000') : ['no thread']),
      ...others.flatMap((thread) => rightsLeft(thread, UID, UID)),
    ];
    t.deepEqual(left, []);
    const children = childrenOf(pidOf(daemon));
    t.is(children.length, 1, 'the process that captures');
    t.deepEqual(
      children.flatMap((child) => threadRights(child).flatMap((thread) => rightsLeft(thread, UID, UID))),
      [],
    );

    t.like(statSync(control), { uid: UID, gid: GID });
    t.is(statSync(control).mode & 0o777, 0o660);
    const asked = async (who: number, line: string, ...groups: string[]): Promise<string> => {
      const { code, stdout, stderr } = await run(
        b.argv(asUser(who, [VTEP, '--control', control, ...line.split(' ')], ...groups)),
      );
      return `${code} ${stdout}${stderr}`;
    };
    t.regex(await asked(OTHER_UID, 'drops', '--groups', `${GID}`), /^0 /);
    t.regex(await asked(OTHER_UID, 'drops'), /^1 .*may speak to it/);
    t.regex(await asked(UID, 'ip addr add 10.77.0.1/24 dev tap0'), /^0 /, 'which needs CAP_NET_ADMIN');
    t.true((await b.do('ip -o addr show tap0')).includes('10.77.0.1/24'));
    // The socket's mode is not all that keeps others out.
    chmodSync(control, 0o666);
    chmodSync(join(folder, 'own'), 0o755);
    t.regex(await asked(OTHER_UID, 'drops'), new RegExp(`^1 vtep: user ${OTHER_UID} may not give commands`));
    t.is((await ping(a, INNER[4].b)).received, 3);
    t.is((await daemon.stop()).code, 0);
    t.false(existsSync(control), 'in a directory that it made, and gave away, nothing stays');
    t.false(existsSync(`${control}.lock`));
  },
);

rooted('words that cannot be are refused before anything is touched', async (t) => {
  const { b, batch } = await twoHosts(t);
  const folder = mkdtempSync(join(tmpdir(), 'vtep-user-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const wide = join(folder, 'wide');
  const strange = join(folder, 'strange');
  for (const path of [wide, strange]) mkdirSync(path);
  chmodSync(wide, 0o777);
  await run(['chown', `${OTHER_UID}`, strange]);
  for (const [words, sentence] of [
    [['--user', 'no-such-user'], /vtep: --user: there is no user "no-such-user"/],
    [['--keep-caps', 'net_admin'], /--keep-caps goes with --user/],
    [['--control-group', 'no-such-group'], /there is no group "no-such-group"/],
    [['--peer', '10.0.0.0/8'], /--peer goes with --strict-peers/],
    [['--control', join(wide, 'x.sock')], /may be written to by others/],
    [['--control', join(strange, 'x.sock')], new RegExp(`belongs to user ${OTHER_UID}, who could put another socket`)],
  ] as const) {
    const { code, stderr } = await startVtep(b, batch, words).exited;
    t.not(code, 0);
    t.regex(stderr, sentence);
  }
  t.false((await b.do('ip -o link')).includes('tap0'));
});

rooted('a client does not speak to a socket that a stranger has put where its own would be', async (t) => {
  const { b } = await twoHosts(t);
  const folder = `/tmp/vtep-${OTHER_UID}`;
  mkdirSync(folder);
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  await run(['chown', `${UID}`, folder]);
  const inode = (await b.do('stat -L -c %i /proc/self/ns/net')).trim();
  const listen = `require('net').createServer((s) => s.on('data', (d) => console.log('heard ' + d))).listen('${folder}/net-${inode}.sock', () => { require('fs').chmodSync('${folder}/net-${inode}.sock', 0o777); console.log('listens'); })`;
  const stranger = b.start(asUser(UID, [process.execPath, '-e', listen]));
  await stranger.waitFor(/listens/);
  const { code, stderr } = await run(b.argv(asUser(OTHER_UID, ['env', '-u', 'XDG_RUNTIME_DIR', VTEP, 'drops'])));
  t.is(code, 1);
  t.regex(stderr, new RegExp(`user ${UID} listens there, whom user ${OTHER_UID} did not ask for`));
  await stranger.stop();
  t.is(stranger.stdout.trim(), 'listens', 'and nothing was said to it');
});
