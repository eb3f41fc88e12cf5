/** What this machine has to have, and what it is. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { setTimeout } from 'node:timers/promises';
import type { Machine } from './result.js';

const TOOLS = ['ip', 'ping', 'iperf3', 'ethtool', 'setpriv', 'unshare'];

/** Why the benchmark cannot run here, with what to do about it; undefined where it can. */
export function obstacle(): string | undefined {
  if (process.getuid?.() !== 0) {
    return 'The benchmark makes network namespaces and TAP devices, which needs root. Try: sudo npm run bench';
  }
  if (!existsSync('/dev/net/tun')) {
    return 'There is no /dev/net/tun here. Try: modprobe tun; in a container, start it with --device /dev/net/tun';
  }
  const PATH = `${process.env.PATH ?? ''}:/usr/sbin:/sbin`;
  const missing = TOOLS.filter((tool) => !PATH.split(':').some((folder) => existsSync(`${folder}/${tool}`)));
  if (missing.length > 0) return `Not installed: ${missing.join(', ')}`;
  const alone = (...argv: string[]) => spawnSync('unshare', ['-n', ...argv], { env: { ...process.env, PATH } }).status;
  if (alone('true') !== 0) return 'Network namespaces cannot be made here';
  if (alone('ip', 'link', 'add', 'probe', 'type', 'vxlan', 'id', '1', 'dstport', '4789') !== 0) {
    return 'This kernel has no VXLAN device, which is what vtep is compared with. Try: modprobe vxlan';
  }
  return undefined;
}

function ticks(): { idle: number; all: number } {
  let [idle, all] = [0, 0];
  for (const { times } of cpus()) {
    idle += times.idle;
    all += times.idle + times.user + times.nice + times.sys + times.irq;
  }
  return { idle, all };
}

/** Share of the machine, 0 to 1, that is in use during the next second, in which the caller has nothing to do. */
export async function otherWork(): Promise<number> {
  const before = ticks();
  await setTimeout(1000);
  const after = ticks();
  return Math.max(0, 1 - (after.idle - before.idle) / Math.max(1, after.all - before.all));
}

export function describeMachine(): Omit<Machine, 'otherWork'> {
  return {
    kernel: release(),
    node: process.versions.node,
    cpu: cpus()[0]?.model.replace(/\s+/g, ' ').trim() ?? 'unknown',
    cpus: cpus().length,
  };
}
