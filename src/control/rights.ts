/** `vtep run --user`: who the daemon becomes when everything is in place, and what it says of what it no longer may. */
import { readdirSync, readFileSync } from 'node:fs';
import { CommandError } from '../iproute/commands.js';
import { groupNamed, userNamed, userNumbered } from '../native/accounts.js';
import {
  CAP_NET_ADMIN,
  CAP_NET_BIND_SERVICE,
  CAP_NET_RAW,
  CAP_SETGID,
  CAP_SETUID,
} from '../native/capability-constants.js';
import { become, type Identity } from '../native/credentials.js';
import { type Reply, type Say, sayingAs } from './protocol.js';

/** Capabilities that may be kept, by the names of capabilities(7) in small letters. */
export const KEEPABLE = {
  net_admin: CAP_NET_ADMIN,
  net_raw: CAP_NET_RAW,
  net_bind_service: CAP_NET_BIND_SERVICE,
} as const;
export type Keepable = keyof typeof KEEPABLE;

export interface Confinement extends Identity {
  /** As it was typed. */
  readonly user: string;
  readonly keep: readonly Keepable[];
}

/** What /proc says of this process: `/proc/self/status`, `uid_map`, `gid_map` and `setgroups`. */
export interface OwnRights {
  readonly status: string;
  readonly uidMap: string;
  readonly gidMap: string;
  readonly setgroups: string;
}

/** A number as chown(1) takes it; -1 is nobody's. */
const MOST_ID = 0xfffffffe;

/**
 * Reads NAME[:GROUP], names or numbers. Throws CommandError where there is no such user or group, where it is root, or
 * where this process may not become it.
 */
export function confinementOf(word: string, keep: readonly Keepable[], rights = ownRights()): Confinement {
  const [user = '', group, ...more] = word.split(':');
  if (user === '' || group === '' || more.length > 0) throw refusal(`"${word}" is not USER or USER:GROUP`);
  const number = idOf(user);
  const account = number === undefined ? userNamed(user) : userNumbered(number);
  if (account === undefined && number === undefined) throw refusal(`there is no user "${user}"`);
  const uid = account?.uid ?? number ?? 0;
  const gid = group === undefined ? account?.gid : (idOf(group) ?? groupNamed(group));
  if (gid === undefined) {
    if (group !== undefined) throw refusal(`there is no group "${group}"`);
    throw refusal(`nobody says which group user ${user} is of: --user ${user}:GROUP`);
  }
  if (uid === 0) throw refusal(`"${user}" is root, and nothing would be given up`);
  checkMayBecome({ uid, gid }, rights);
  return { uid, gid, user: word, keep };
}

/** The group of `--control-group`, a name or number. Throws CommandError. */
export function controlGroup(word: string): number {
  const gid = idOf(word) ?? groupNamed(word);
  if (gid === undefined) throw new CommandError(`vtep: --control-group: there is no group "${word}"`, 1);
  return gid;
}

function checkMayBecome({ uid, gid }: Identity, { status, uidMap, gidMap, setgroups }: OwnRights): void {
  const [, , effectiveUid] = /^Uid:\s+(\d+)\s+(\d+)/m.exec(status) ?? [];
  if (effectiveUid !== '0') throw refusal('only root can become another user; this is not root');
  const [, hex = '0'] = /^CapEff:\s*([0-9a-f]+)/m.exec(status) ?? [];
  const has = (bit: number): boolean => ((BigInt(`0x${hex}`) >> BigInt(bit)) & 1n) === 1n;
  const missing = [...(has(CAP_SETUID) ? [] : ['CAP_SETUID']), ...(has(CAP_SETGID) ? [] : ['CAP_SETGID'])];
  if (missing.length > 0) throw refusal(`becoming another user needs ${missing.join(' and ')}`);
  if (setgroups.trim() === 'deny')
    throw refusal('this user namespace forbids setgroups, so its root cannot become another user');
  if (!isMappedIn(uidMap, uid)) throw refusal(`this user namespace has no user ${uid}`);
  if (!isMappedIn(gidMap, gid)) throw refusal(`this user namespace has no group ${gid}`);
}

/** Whether a `uid_map` (lines of first id inside, first outside, how many) has this id. */
function isMappedIn(map: string, id: number): boolean {
  return map.split('\n').some((line) => {
    const [first = 0, , count = 0] = line.trim().split(/\s+/).map(Number);
    return id >= first && id < first + count;
  });
}

export function ownRights(): OwnRights {
  const read = (name: string): string => readFileSync(`/proc/self/${name}`, 'utf8');
  return {
    status: read('status'),
    uidMap: read('uid_map'),
    gidMap: read('gid_map'),
    setgroups: read('setgroups'),
  };
}

/**
 * Gives everything up, and looks at every thread whether it is so. Throws CommandError, and then the process must not
 * go on.
 */
export function giveUpRights({ uid, gid, keep, user }: Confinement): void {
  try {
    become(
      { uid, gid },
      keep.map((name) => KEEPABLE[name]),
    );
  } catch (error) {
    throw refusal(`could not become ${user}: ${error instanceof Error ? error.message : String(error)}`);
  }
  for (const thread of readdirSync('/proc/self/task')) {
    const isMain = thread === `${process.pid}`;
    const left = isMain ? keep.map((name) => KEEPABLE[name]) : [];
    const status = statusOf(thread);
    if (status !== undefined && !isConfined(status, { uid, gid }, left, isMain))
      throw refusal(`thread ${thread} has kept rights that it should not have`);
  }
}

/**
 * Whether a thread's `status` says that it is this user's, and has no capabilities but these. `inherits`: what it hands
 * on is looked at too; a thread that starts no programs hands on nothing.
 */
export function isConfined(
  status: string,
  { uid, gid }: Identity,
  keep: readonly number[],
  inherits: boolean,
): boolean {
  const bits = keep.reduce((all, one) => all | (1n << BigInt(one)), 0n);
  const set = (name: string): bigint =>
    BigInt(`0x${new RegExp(`^${name}:\\s*([0-9a-f]+)`, 'm').exec(status)?.[1] ?? 'f'}`);
  const ids = (name: string, id: number): boolean =>
    new RegExp(`^${name}:\\s+${id}\\s+${id}\\s+${id}\\s+${id}$`, 'm').test(status);
  return (
    ids('Uid', uid) &&
    ids('Gid', gid) &&
    /^Groups:\s*$/m.test(status) &&
    ['CapPrm', 'CapEff', 'CapAmb', ...(inherits ? ['CapInh'] : [])].every((name) => set(name) === bits)
  );
}

function statusOf(thread: string): string | undefined {
  try {
    return readFileSync(`/proc/self/task/${thread}/status`, 'utf8');
  } catch {
    return undefined; // it has ended meanwhile
  }
}

/** What the log says. */
export function confinedAs({ user, uid, gid, keep }: Confinement): string {
  const kept = keep.length === 0 ? 'no capabilities' : keep.map((name) => `CAP_${name.toUpperCase()}`).join(', ');
  return `runs as ${user} (user ${uid}, group ${gid}) from now on, with ${kept}`;
}

/** What is refused for want of rights, in the words of the kernel, of iproute2 and of vtep. */
const REFUSED = /Operation not permitted|Permission denied|\bneeds CAP_|\bEPERM\b|\bEACCES\b/;

/** Says once behind a command that was refused for want of rights where they went. */
export class LostRights {
  private readonly confinement: Confinement | undefined;

  constructor(confinement: Confinement | undefined) {
    this.confinement = confinement;
  }

  /** Runs `command`, which says what it says and gives its exit code, and explains a refusal. */
  async explain(say: Say, command: (say: Say) => Promise<number>): Promise<number> {
    const { confinement } = this;
    if (!confinement) return command(say);
    let isRefused = false;
    const heard = (reply: Reply): Promise<void> | undefined => {
      if ('err' in reply && REFUSED.test(reply.err)) isRefused = true;
      return say(reply);
    };
    const exit = await command(sayingAs(say, heard));
    if (exit !== 0 && isRefused) say({ err: `vtep: ${this.sentence(confinement)}\n` });
    return exit;
  }

  private sentence({ user, keep }: Confinement): string {
    const kept = keep.length === 0 ? 'all rights' : `all rights but ${keep.join(' and ')}`;
    return `this vtep has given up ${kept} (--user ${user}); --keep-caps ${Object.keys(KEEPABLE).join(',')} keeps some, and what needs no right still works`;
  }
}

function idOf(word: string): number | undefined {
  return /^\d{1,10}$/.test(word) && Number(word) <= MOST_ID ? Number(word) : undefined;
}

function refusal(sentence: string): CommandError {
  return new CommandError(`vtep: --user: ${sentence}`, 1);
}
