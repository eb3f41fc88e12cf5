/** The machine's users and groups, as getpwnam(3) and getgrnam(3) know them. */
import { copyBytes, getgrnam, getpwnam, getpwuid } from './libc.js';
import { scratch } from './scratch.js';
import { GroupEntry, Passwd } from './structs.js';

export interface Account {
  readonly uid: number;
  /** Of its group in /etc/passwd. */
  readonly gid: number;
}

/** The user of that name; undefined where there is none. */
export function userNamed(name: string): Account | undefined {
  return read(getpwnam(name));
}

export function userNumbered(uid: number): Account | undefined {
  return read(getpwuid(uid));
}

/** The number of the group of that name. */
export function groupNamed(name: string): number | undefined {
  const entry = getgrnam(name);
  if (entry === 0) return undefined;
  copyBytes(scratch.address, entry, GroupEntry.READ);
  return scratch.view.getUint32(GroupEntry.GID, true);
}

function read(entry: number): Account | undefined {
  if (entry === 0) return undefined;
  copyBytes(scratch.address, entry, Passwd.READ);
  return { uid: scratch.view.getUint32(Passwd.UID, true), gid: scratch.view.getUint32(Passwd.GID, true) };
}
