import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { EINVAL, ENETUNREACH, ENODEV, EOPNOTSUPP, SystemError } from '../../native/errno.js';
import { closeTap, openTap } from '../tap/open-tap.js';
import { enterFreshNamespace, ip, OtherNamespace, rooted } from '../testing/namespace.js';
import { RtnetlinkClient } from './client.js';
import { type LinkEvent, LinkFollower } from './follower.js';

test.before(() => {
  if (process.getuid?.() === 0) enterFreshNamespace();
});

function newClient(t: ExecutionContext): RtnetlinkClient {
  const client = new RtnetlinkClient();
  t.teardown(() => client.close());
  return client;
}

let serial = 0;

function newTap(t: ExecutionContext): string {
  const tap = openTap({ name: `vr${process.pid}x${serial++}` });
  t.teardown(() => closeTap(tap));
  return tap.name;
}

/** A follower that can be waited for: `until` settles with the first event (past ones too) that satisfies. */
class Watcher {
  readonly events: LinkEvent[] = [];
  readonly follower: LinkFollower;
  private check: () => void = () => undefined;

  constructor(t: ExecutionContext) {
    this.follower = new LinkFollower((event) => {
      this.events.push(event);
      this.check();
    });
    t.teardown(() => this.follower.close());
  }

  until(satisfies: (event: LinkEvent) => boolean): Promise<LinkEvent> {
    return new Promise((resolve, reject) => {
      const deadline = setTimeout(() => reject(new Error(`not seen: ${JSON.stringify(this.events)}`)), 10_000);
      this.check = () => {
        const found = this.events.find(satisfies);
        if (found === undefined) return;
        clearTimeout(deadline);
        resolve(found);
      };
      this.check();
    });
  }
}

test('loopback is among the links, without any rights', (t) => {
  const client = newClient(t);
  const lo = client.links().find((link) => link.name === 'lo');
  t.is(lo?.index, 1);
  t.is(lo?.mtu, 65536);
  t.deepEqual(client.link('lo'), client.link(1));
  t.is(client.link('nosuchlink'), undefined);
  t.is(client.link(999999), undefined);
});

test('the route to loopback is known, without any rights', (t) => {
  const route = newClient(t).route(Uint8Array.of(127, 0, 0, 1));
  t.is(route.device, 1);
  t.is(route.mtu, 65536);
  t.deepEqual([...route.source], [127, 0, 0, 1]);
});

rooted('a route has its own MTU, or that of its device; without one there is an error', (t) => {
  const client = newClient(t);
  const name = newTap(t);
  ip(`link set ${name} mtu 1400 up`);
  ip(`addr add 10.8.0.1/24 dev ${name}`);
  ip(`route add 10.8.1.0/24 via 10.8.0.2 mtu 1300`);
  t.is(client.route(Uint8Array.of(10, 8, 0, 2)).mtu, 1400);
  const far = client.route(Uint8Array.of(10, 8, 1, 2));
  t.is(far.mtu, 1300);
  t.is(client.link(name)?.index, far.device);
  t.deepEqual([...far.source], [10, 8, 0, 1]);
  const error = t.throws(() => client.route(Uint8Array.of(10, 250, 0, 1)), { instanceOf: SystemError });
  t.is(error?.errno, ENETUNREACH);
});

rooted('a link is set up, changed, marked, renamed and deleted', (t) => {
  const client = newClient(t);
  const name = newTap(t);
  const before = client.link(name);
  t.false(before?.up);
  t.is(before?.kind, 'tun');
  const index = before?.index ?? 0;
  const address = Uint8Array.of(2, 0, 0, 0, 9, 9);
  client.setLink(index, { up: true, mtu: 1450, address, alias: 'made by vtep', txQueueLength: 2000 });
  client.setLink(index, { name: 'vrenamed' });
  const after = client.link('vrenamed');
  t.like(after, { index, up: true, mtu: 1450, alias: 'made by vtep' });
  t.deepEqual(after?.address, address);
  t.regex(ip('link show vrenamed'), /qlen 2000/);
  client.setLink(index, { alias: '', up: false });
  t.like(client.link(index), { alias: '', up: false });
  ip('link add vrbridge type bridge');
  const bridge = client.link('vrbridge')?.index ?? 0;
  client.setLink(index, { master: bridge });
  t.is(client.link(index)?.master, bridge);
  client.deleteLink(index);
  t.is(client.link(index), undefined);
  client.deleteLink(bridge);
});

rooted("the kernel's refusals come out as errors", (t) => {
  const client = newClient(t);
  t.is(t.throws(() => client.setLink(999999, { up: true }), { instanceOf: SystemError })?.errno, ENODEV);
  t.is(t.throws(() => client.deleteLink(1), { instanceOf: SystemError })?.errno, EOPNOTSUPP);
  const index = client.link(newTap(t))?.index ?? 0;
  const error = t.throws(() => client.setLink(index, { mtu: 10 }), { instanceOf: SystemError });
  t.is(error?.errno, EINVAL);
  t.is(error?.message, `RTNETLINK link ${index} (mtu less than device minimum): Invalid argument`);
  t.true(client.links().length > 1, 'the client goes on working');
});

rooted('what people do to a link with ip is followed', async (t) => {
  const watcher = new Watcher(t);
  const name = newTap(t);
  const seen = (satisfies: (link: { up: boolean; mtu: number; name: string }) => boolean) =>
    watcher.until((event) => event.type === 'link' && event.nsid === undefined && satisfies(event.link));
  await seen((link) => link.name === name && !link.up);
  ip(`link set ${name} up`);
  await seen((link) => link.name === name && link.up);
  ip(`link set ${name} mtu 1234`);
  await seen((link) => link.name === name && link.mtu === 1234);
  ip(`link set ${name} name vfollowed`);
  await seen((link) => link.name === 'vfollowed');
  ip('link del vfollowed');
  await watcher.until((event) => event.type === 'gone' && event.link.name === 'vfollowed');
  t.pass();
});

rooted('a link that moves to another namespace is not gone, and is followed there', async (t) => {
  const watcher = new Watcher(t);
  t.true(watcher.follower.hearsOtherNamespaces);
  const other = new OtherNamespace();
  t.teardown(() => other.close());
  const name = newTap(t);
  ip(`link set ${name} netns ${other.path}`);
  const moved = await watcher.until((event) => event.type === 'moved' && event.link.name === name);
  if (moved.type !== 'moved') return t.fail();
  t.is(moved.nsid, undefined);
  other.inside(() => ip(`link set ${name} mtu 1333 up`));
  const { to } = moved;
  await watcher.until((e) => e.type === 'link' && e.nsid === to.nsid && e.link.index === to.index && e.link.up);
  t.like(newClient(t).link(to.index, to.nsid), { name, mtu: 1333, up: true });
  t.false(watcher.events.some((event) => event.type === 'gone'));
  // and back home
  other.inside(() => ip(`link set ${name} netns ${other.homePath}`));
  await watcher.until((event) => event.type === 'moved' && event.nsid === to.nsid);
  await watcher.until((event) => event.type === 'link' && event.nsid === undefined && event.link.mtu === 1333);
  return undefined;
});

rooted('events that did not fit into the queue are told as lost, and later ones still come', async (t) => {
  const watcher = new Watcher(t);
  const name = newTap(t);
  const client = newClient(t);
  const index = client.link(name)?.index ?? 0;
  client.setLink(index, { up: true }); // of an alias, the kernel gives notice only where the link is up
  // Nothing is read while this thread is busy; a queue holds some hundred notices.
  for (let i = 0; i < 1500; i++) client.setLink(index, { alias: `${i} ${'x'.repeat(200)}` });
  await watcher.until((event) => event.type === 'lost');
  client.setLink(index, { alias: 'last' });
  await watcher.until((event) => event.type === 'link' && event.link.alias === 'last');
  t.pass();
});

test('closing ends at once, twice as well, and nothing is told afterwards', async (t) => {
  const follower = new LinkFollower(() => undefined);
  const ended = follower.close();
  await Promise.all([ended, follower.close(), follower.closed]);
  t.pass();
});

const CLIENT = fileURLToPath(new URL('./follower.js', import.meta.url));

for (const [name, code, expected] of [
  ['process.exit while a follower waits', 'new LinkFollower(() => {}); setImmediate(() => process.exit(7));', 7],
  ['a process whose follower was closed', 'const f = new LinkFollower(() => {}); setImmediate(() => f.close());', 0],
] as const)
  test(`${name} ends the process`, async (t) => {
    const script = `import { LinkFollower } from ${JSON.stringify(CLIENT)}; ${code}`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'inherit', timeout: 30_000 });
    const [status, signal] = await new Promise<[number | null, string | null]>((resolve) => {
      child.on('exit', (exit, killed) => resolve([exit, killed]));
    });
    t.is(signal, null, 'it had to be killed');
    t.is(status, expected);
  });
