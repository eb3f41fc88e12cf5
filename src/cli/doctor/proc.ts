/** What /proc tells: of this process, of its network namespace, and of who has a socket there. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { Facts, PortHolder } from './facts.js';

/** undefined where there is no such file, or it is not for this user. */
export function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

export function readNumber(path: string): number | undefined {
  const text = read(path)?.trim();
  return text === undefined || text === '' || Number.isNaN(Number(text)) ? undefined : Number(text);
}

const CAP_NET_ADMIN = 12n;
const CAP_NET_RAW = 13n;

/** The effective ones of `/proc/PID/status`. */
export function capabilitiesOf(status: string): Facts['capabilities'] {
  const [, hex = '0'] = /^CapEff:\s*([0-9a-f]+)/m.exec(status) ?? [];
  const bits = BigInt(`0x${hex}`);
  const has = (bit: bigint): boolean => ((bits >> bit) & 1n) === 1n;
  return { netAdmin: has(CAP_NET_ADMIN), netRaw: has(CAP_NET_RAW) };
}

/** Whether a `/proc/PID/uid_map` is that of a user namespace which somebody made. */
export function isMapped(map: string): boolean {
  return !/^\s*0\s+0\s+4294967295\s*$/.test(map);
}

/** Sysctls that keep ordinary users from making user namespaces; undefined where none is to be read. */
export function mayMakeUserNamespace(sysctl: (name: string) => number | undefined): boolean | undefined {
  const most = sysctl('user/max_user_namespaces');
  const clone = sysctl('kernel/unprivileged_userns_clone');
  const restricted = sysctl('kernel/apparmor_restrict_unprivileged_userns');
  if (most === 0 || clone === 0 || restricted === 1) return false;
  return most === undefined ? undefined : true;
}

/** The sockets of `/proc/net/udp` and `udp6` that receive on one of these ports: their inodes. */
export function boundSockets(table: string, ports: ReadonlySet<number>): { port: number; inode: number }[] {
  return table
    .split('\n')
    .slice(1)
    .flatMap((line) => {
      const [, local = '', remote = '', ...rest] = line.trim().split(/\s+/);
      const port = Number.parseInt(local.split(':')[1] ?? '', 16);
      const isConnected = !/:0000$/.test(remote);
      return ports.has(port) && !isConnected ? [{ port, inode: Number(rest[6]) }] : [];
    });
}

/** Who has these ports, once a process. */
export function portHolders(ports: ReadonlySet<number>): PortHolder[] {
  const sockets = ['/proc/net/udp', '/proc/net/udp6'].flatMap((path) => boundSockets(read(path) ?? '', ports));
  if (sockets.length === 0) return [];
  const owners = ownersOf(new Set(sockets.map(({ inode }) => `socket:[${inode}]`)));
  const holders = new Map<string, PortHolder>();
  for (const { port, inode } of sockets) {
    const pid = owners.get(`socket:[${inode}]`);
    const command = pid === undefined ? undefined : read(`/proc/${pid}/comm`)?.trim();
    holders.set(`${port} ${pid}`, {
      port,
      ...(pid !== undefined && { pid }),
      ...(command !== undefined && { command }),
    });
  }
  return [...holders.values()];
}

function ownersOf(wanted: ReadonlySet<string>): Map<string, number> {
  const owners = new Map<string, number>();
  for (const pid of list('/proc').filter((name) => /^\d+$/.test(name))) {
    for (const fd of list(`/proc/${pid}/fd`)) {
      const target = linkOf(`/proc/${pid}/fd/${fd}`);
      if (wanted.has(target)) owners.set(target, Number(pid));
    }
    if (owners.size === wanted.size) break;
  }
  return owners;
}

function list(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}
