/** An ordinary user of this machine, with a home, and a device node of TUN/TAP that nobody else may open. */
import { chownSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { succeed } from './process.js';

/** Nobody's number, and nobody's group: nothing on a machine belongs to them. */
export const UID = 64_123;
export const OTHER_UID = 64_124;
export const GID = 64_125;

export interface OrdinaryUser {
  /** A folder of theirs, /tmp-like in nothing. */
  readonly home: string;
  /** A device node that is theirs alone. */
  readonly tun: string;
  /** The command as this user would run it, with these words for setpriv. */
  as(argv: readonly string[], ...setpriv: string[]): string[];
}

/** The command as user `uid`, without groups but its own number. */
export function asUser(uid: number, argv: readonly string[], ...setpriv: string[]): string[] {
  const groups = setpriv.includes('--groups') ? [] : ['--clear-groups'];
  return ['setpriv', '--reuid', `${uid}`, '--regid', `${uid}`, ...groups, ...setpriv, '--', ...argv];
}

/** Makes them; `remove` undoes it. */
export async function makeOrdinaryUser(): Promise<OrdinaryUser & { remove(): void }> {
  const home = mkdtempSync(join(tmpdir(), 'vtep-user-'));
  const tun = join(home, 'tun');
  await succeed(['mknod', '-m', '600', tun, 'c', '10', '200']);
  for (const path of [home, tun]) chownSync(path, UID, UID);
  const path = `PATH=${process.env.PATH ?? ''}:/usr/sbin:/sbin`;
  const environment = ['env', '-i', path, `HOME=${home}`, `XDG_RUNTIME_DIR=${home}`, `VTEP_TUN=${tun}`];
  return {
    home,
    tun,
    as: (argv, ...setpriv) => asUser(UID, [...environment, ...argv], ...setpriv),
    remove: () => rmSync(home, { recursive: true, force: true }),
  };
}

export async function ordinaryUser(t: ExecutionContext): Promise<OrdinaryUser> {
  const user = await makeOrdinaryUser();
  t.teardown(() => user.remove());
  return user;
}
