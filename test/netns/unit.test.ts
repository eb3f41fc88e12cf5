// contrib/systemd: what systemd says of the unit, and what the unit gives, given to a vtep without systemd.
import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { until } from './process.js';
import { rooted, twoHosts } from './rooted.js';
import { Manager } from './service.js';
import { INNER, VTEP } from './topology.js';
import { ping } from './traffic.js';

const FOLDER = fileURLToPath(new URL('../../../contrib/systemd/', import.meta.url));
const UNIT = readFileSync(join(FOLDER, 'vtep@.service'), 'utf8');

/** The values of a directive. */
function directive(name: string): string[] {
  return [...UNIT.matchAll(new RegExp(`^${name}=(.*)$`, 'gm'))].map(([, value = '']) => value);
}

const ifAnalyzed = spawnSync('systemd-analyze', ['--version']).status === 0 ? test : test.skip;

ifAnalyzed('systemd-analyze finds nothing wrong with the unit, alone and with the drop-in for a namespace', (t) => {
  const folder = spawnSync('mktemp', ['-d'], { encoding: 'utf8' }).stdout.trim();
  t.teardown(() => spawnSync('rm', ['-r', folder]));
  // It looks whether the program is there.
  writeFileSync(join(folder, 'vtep@.service'), UNIT.replaceAll('/usr/local/bin/vtep', process.execPath));
  const check = (): string => {
    const env = { ...process.env, SYSTEMD_UNIT_PATH: `${folder}:` };
    const { stdout, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', join(folder, 'vtep@blue.service')], {
      encoding: 'utf8',
      env,
    });
    return `${stdout}${stderr}`
      .split('\n')
      .filter((line) => line.includes('vtep@'))
      .join('\n');
  };
  spawnSync('ln', ['-s', 'vtep@.service', join(folder, 'vtep@blue.service')]);
  t.is(check(), '');
  mkdirSync(join(folder, 'vtep@blue.service.d'));
  writeFileSync(join(folder, 'vtep@blue.service.d/netns.conf'), readFileSync(join(FOLDER, 'netns.conf')));
  t.is(check(), '');
  const security = spawnSync('systemd-analyze', ['security', '--offline=yes', join(folder, 'vtep@blue.service')], {
    encoding: 'utf8',
  }).stdout;
  const level = Number(/Overall exposure level[^:]*: ([\d.]+)/.exec(security)?.[1]);
  t.true(level < 3, `exposure ${level}`);
});

rooted(
  'with the capabilities, the user and the environment of the unit it carries pings, reloads and keeps its state',
  async (t) => {
    const topology = await twoHosts(t);
    const { a, b } = topology;
    const [runtime, state] = [`${b.notes}/run`, `${b.notes}/lib`];
    chmodSync(b.notes, 0o711);
    for (const folder of [runtime, `${runtime}/vtep`, state]) {
      mkdirSync(folder);
      chownSync(folder, 65_534, 65_534);
    }
    // What DeviceAllow= is about; elsewhere /dev/net/tun is everybody's.
    const tun = `${b.notes}/tun`;
    spawnSync('mknod', ['-m', '600', tun, 'c', '10', '200']);
    chownSync(tun, 65_534, 65_534);
    const batch = `${b.notes}/unit.batch`;
    writeFileSync(batch, `${topology.batch.join('\n')}\n`);
    const manager = await Manager.start(b);
    chmodSync(manager.path, 0o666);

    const capabilities = (name: string): string =>
      [
        '-all',
        ...(directive(name)[0] ?? '').split(' ').map((each) => `+${each.replace('CAP_', '').toLowerCase()}`),
      ].join();
    t.deepEqual(directive('AmbientCapabilities'), directive('CapabilityBoundingSet'));
    const rights = [
      ...['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups', '--no-new-privs'],
      ...['--bounding-set', capabilities('CapabilityBoundingSet'), '--inh-caps', capabilities('AmbientCapabilities')],
      ...['--ambient-caps', capabilities('AmbientCapabilities')],
    ];
    t.deepEqual(directive('Environment'), ['XDG_RUNTIME_DIR=/run']);
    const environment = {
      NOTIFY_SOCKET: manager.path,
      WATCHDOG_USEC: `${Number(directive('WatchdogSec')[0]) * 1e6}`,
      XDG_RUNTIME_DIR: runtime,
    };
    const command = (name: string): string[] =>
      (directive(name)[0] ?? '')
        .replace('/usr/local/bin/vtep', VTEP)
        .replace('/etc/vtep/%i.batch', batch)
        .replace(/\$\{STATE_DIRECTORY\}\/%i\.state/, `${state}/blue.state`)
        .split(' ');
    const service = b.start([...rights, ...command('ExecStart'), '--tun', tun], { env: environment });
    await manager.told(/^READY=1\nMAINPID=\d+\nSTATUS=2 devices, 2 filters, 1 peer$/);
    t.true(manager.values('WATCHDOG').length > 0);
    const status = readFileSync(`/proc/${service.child.pid}/status`, 'utf8');
    t.regex(status, /^Uid:\s+65534\s/m);
    t.regex(status, /^CapEff:\s+0000000000001000$/m);
    t.regex(status, /^NoNewPrivs:\s+1$/m);
    t.is((await ping(a, INNER[4].b)).received, 3);

    writeFileSync(batch, `${topology.batch.join('\n')}\ntc filter add dev tap0 ingress pref 9 flower action drop\n`);
    const reload = b.start([...rights, ...command('ExecReload')], { env: { XDG_RUNTIME_DIR: runtime } });
    t.is((await reload.exited).code, 0);
    await manager.told(/^READY=1\n.*\nSTATUS=2 devices, 3 filters, 1 peer/);
    const finished = await service.stop();
    t.is(finished.code, 0, finished.stderr);
    t.true(existsSync(`${state}/blue.state`));
    await until(async () => !(await b.do('ip link')).includes('tap0'), 'its devices are gone');
  },
);
