// The library with devices on the host, as root in a namespace of its own: a TAP, a device with a function beside it,
// the control socket; and as an ordinary user, who has none of it.
import { execFile } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { root } from '../docs/markdown.js';
import { rooted } from './rooted.js';

const run = promisify(execFile);

const HOST = `import { execFileSync } from 'node:child_process';
import { Endpoint } from ${JSON.stringify(join(root, 'dist/src/library/index.js'))};
const control = process.argv[2];
const endpoint = await Endpoint.open({ devices: 'host', control, batch: 'ip link add vxlan0 type vxlan external dstport 4789\\nip tuntap add dev tap0 mode tap\\nip link set tap0 up\\nip link set vxlan0 up\\nip addr add 10.4.0.1/24 dev tap0' });
let got = 0;
await endpoint.device('js0', { transmit: (batch) => { got += batch.count; } });
await endpoint.batch('tc qdisc add dev tap0 ingress\\ntc filter add dev tap0 ingress protocol all pref 1 flower action mirred egress redirect dev js0');
const links = (await endpoint.links()).map(({ name, kind, up }) => name + ' ' + kind + ' ' + up);
const seen = execFileSync('ip', ['-o', 'link', 'show', 'dev', 'tap0'], { encoding: 'utf8' }).includes('tap0');
try { execFileSync('ping', ['-c', '1', '-W', '1', '10.4.0.2'], { stdio: 'ignore' }); } catch {}
const end = Date.now() + 10000;
while (got === 0 && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 5));
const asked = JSON.parse(await new Promise((resolve) => import('node:child_process').then(({ execFile }) => execFile(process.execPath, [${JSON.stringify(join(root, 'bin/vtep'))}, '--control', control, 'tc', '-j', 'filter', 'show', 'dev', 'tap0', 'ingress'], (error, out) => resolve(out)))));
await endpoint.close();
const left = execFileSync('ip', ['-o', 'link'], { encoding: 'utf8' }).includes('tap0');
console.log(JSON.stringify({ links, seen, got: got > 0, filters: asked.length, left }));
`;

rooted('an endpoint of a program has TAPs on the host, beside devices with functions', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'vtep-library-'));
  const name = `lib${process.pid}`;
  t.teardown(async () => {
    await run('ip', ['netns', 'del', name]).catch(() => undefined);
    rmSync(folder, { recursive: true, force: true });
  });
  writeFileSync(join(folder, 'host.mjs'), HOST);
  await run('ip', ['netns', 'add', name]);
  const { stdout } = await run('ip', [
    'netns',
    'exec',
    name,
    process.execPath,
    join(folder, 'host.mjs'),
    join(folder, 'control.sock'),
  ]);
  t.deepEqual(JSON.parse(stdout), {
    links: ['vxlan0 vxlan true', 'tap0 tap true', 'js0 tap true'],
    seen: true,
    got: true,
    filters: 2,
    left: false,
  });
});

const WORKERS = `import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { Endpoint } from ${JSON.stringify(join(root, 'dist/src/library/index.js'))};
const control = process.argv[2];
const run = promisify(execFile);
const batch = ['ip tuntap add dev tap0 mode tap', 'ip link set tap0 up', 'ip addr add 10.4.0.1/24 dev tap0', 'tc qdisc add dev tap0 ingress', 'tc filter add dev tap0 ingress protocol arp pref 1 flower action drop'];
const told = {};
{
  const endpoint = await Endpoint.open({ devices: 'host', control, workers: 2, batch });
  told.refused = [];
  for (const what of [() => endpoint.action('mine', () => undefined), () => endpoint.device('js0')])
    told.refused.push(await Promise.resolve().then(what).catch((error) => error.code));
  const events = endpoint.events('dropped', 'link');
  await run('ping', ['-c', '1', '-W', '1', '10.4.0.2']).catch(() => undefined);
  for await (const event of events) {
    if (event.type === 'dropped' && event.reason === 'action-drop') { told.dropped = [event.device, event.count > 0]; break; }
  }
  const links = endpoint.events('link', 'link-deleted');
  await run('ip', ['link', 'set', 'tap0', 'mtu', '1400']);
  for await (const event of links) if (event.type === 'link' && event.mtu === 1400) { told.mtu = event.mtu; break; }
  told.workers = (await endpoint.workers()).length;
  told.filters = (await endpoint.filters('tap0'))[0].actions[0].stats.packets > 0;
  await endpoint.close();
}
{
  const endpoint = await Endpoint.open({ devices: 'host', control });
  const unwanted = endpoint.reason('unwanted', 'a test did not want the frame');
  endpoint.action('refuse', (frames) => { for (let i = 0; i < frames.count; i++) frames.drop(i, unwanted); });
  await endpoint.batch([...batch.slice(0, -1), 'tc filter add dev tap0 ingress protocol arp pref 1 flower action refuse']);
  await run('ping', ['-c', '1', '-W', '1', '10.4.0.2']).catch(() => undefined);
  const end = Date.now() + 10000;
  while (Date.now() < end && !(told.own = (await endpoint.drops()).find(({ reason }) => reason === 'unwanted'))) await new Promise((resolve) => setTimeout(resolve, 5));
  told.own = told.own && [told.own.device, told.own.verdict, told.own.count > 0];
  const { stdout } = await run(process.execPath, [${JSON.stringify(join(root, 'bin/vtep'))}, '--control', control, 'drops']);
  told.said = /tap0 +unwanted +[0-9]+/.test(stdout);
  await endpoint.close();
}
told.left = (await run('ip', ['-o', 'link'])).stdout.includes('tap0');
console.log(JSON.stringify(told));
`;

rooted(
  'with workers of its own, and with functions over TAPs of the host, an endpoint tells and ends alike',
  async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'vtep-library-'));
    const name = `libw${process.pid}`;
    t.teardown(async () => {
      await run('ip', ['netns', 'del', name]).catch(() => undefined);
      rmSync(folder, { recursive: true, force: true });
    });
    writeFileSync(join(folder, 'workers.mjs'), WORKERS);
    await run('ip', ['netns', 'add', name]);
    const words = [process.execPath, join(folder, 'workers.mjs'), join(folder, 'control.sock')];
    const { stdout } = await run('ip', ['netns', 'exec', name, ...words]);
    t.deepEqual(JSON.parse(stdout), {
      refused: ['workers', 'workers'],
      dropped: ['tap0', true],
      mtu: 1400,
      workers: 2,
      filters: true,
      own: ['tap0', 'drop', true],
      said: true,
      left: false,
    });
  },
);

rooted('an ordinary user has an endpoint of a process, and is told what one on the host takes', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'vtep-library-'));
  chmodSync(folder, 0o755);
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const script = `const { Endpoint } = await import(${JSON.stringify(join(root, 'dist/src/library/index.js'))});
const batch = 'ip link add vxlan0 type vxlan external dstport ' + (20000 + process.pid % 10000) + '\\nip link set vxlan0 up';
const endpoint = await Endpoint.open({ batch });
const [{ up }] = await endpoint.links();
await endpoint.close();
const refused = await Endpoint.open({ devices: 'host', control: ${JSON.stringify('/tmp')} + '/vtep-none-' + process.pid + '/c.sock', batch }).catch((error) => error.code);
console.log(process.getuid(), up, refused);
`;
  writeFileSync(join(folder, 'user.mjs'), script);
  const { stdout } = await run('setpriv', [
    '--reuid=65534',
    '--regid=65534',
    '--clear-groups',
    process.execPath,
    join(folder, 'user.mjs'),
  ]);
  t.is(stdout, '65534 true refused\n');
});
