import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { daemonRefusal, peerGroups, peerRefusal, peerUser } from './peer.js';

test('the kernel tells whose process connected', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'vtep-peer-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'x.sock');
  const server = createServer();
  t.teardown(() => server.close());
  const user = new Promise<number | undefined>((resolve) => {
    server.once('connection', (socket) => {
      t.deepEqual(
        [...new Set(peerGroups(socket))].sort(),
        [...new Set([process.getgid?.() ?? 0, ...(process.getgroups?.() ?? [])])].sort(),
      );
      resolve(peerUser(socket));
      socket.destroy();
    });
  });
  server.listen(path, () => connect(path).on('error', () => undefined));
  t.is(await user, process.getuid?.());
});

test('of a socket that is closed, or none of the kind, nobody is told', (t) => {
  t.is(peerUser(new Socket()), undefined);
  t.deepEqual(peerGroups(new Socket()), []);
});

test('root and the daemon’s own user may give commands, others may not', (t) => {
  t.is(peerRefusal(0, 1000), undefined);
  t.is(peerRefusal(1000, 1000), undefined);
  t.is(peerRefusal(0, 0), undefined);
  t.is(peerRefusal(1000, 0), 'user 1000 may not give commands to a vtep of user 0');
  t.regex(peerRefusal(undefined, 0) ?? '', /cannot be told/);
});

test('members of the control group may give commands, but nobody of whom nothing is known', (t) => {
  t.is(peerRefusal(1000, 0, true), undefined);
  t.regex(peerRefusal(undefined, 0, true) ?? '', /cannot be told/);
});

test('a client speaks to root’s daemon, its own, and one that root has given the place to', (t) => {
  t.is(daemonRefusal(0, 1000, undefined), undefined);
  t.is(daemonRefusal(1000, 1000, undefined), undefined);
  t.is(daemonRefusal(998, 1000, 998), undefined);
  t.regex(daemonRefusal(1001, 1000, undefined) ?? '', /user 1001 listens there, whom user 1000 did not ask for/);
  t.regex(daemonRefusal(1001, 0, 0) ?? '', /user 1001 listens there/);
  t.regex(daemonRefusal(undefined, 0, undefined) ?? '', /cannot be told/);
});
