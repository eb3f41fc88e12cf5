import { accessSync, chmodSync, chownSync, constants, existsSync, lstatSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { CommandError } from '../iproute/commands.js';
import { errorText } from '../native/errno.js';
import { makeFolders } from './make-folders.js';

/** The directory of root's control sockets. */
const ROOTS = '/run/vtep';

/**
 * Where the daemon of this network namespace listens: $VTEP_CONTROL, else a path named after the namespace's inode.
 * Root uses /run/vtep whatever the environment says; others $XDG_RUNTIME_DIR/vtep, or /tmp/vtep-<uid>, and so does
 * the root of a user namespace, to whom /run is closed.
 */
export function controlPath(explicit?: string): string {
  const chosen = explicit ?? process.env.VTEP_CONTROL;
  return chosen ? chosen : defaultPath();
}

function defaultPath(): string {
  const inode = statSync('/proc/self/ns/net', { bigint: true }).ino;
  return `${runtimeDirectory()}/net-${inode}.sock`;
}

function runtimeDirectory(): string {
  const uid = process.getuid?.() ?? 0;
  if (uid === 0 && isWritable(existsSync(ROOTS) ? ROOTS : dirname(ROOTS))) return ROOTS;
  const runtime = process.env.XDG_RUNTIME_DIR;
  return runtime ? `${runtime}/vtep` : temporaryDirectory();
}

/** Named after the user as the machine knows it: every user namespace has a root of its own. */
function temporaryDirectory(): string {
  const uid = process.getuid?.() ?? 0;
  // Lines of: first id inside, first id outside, how many.
  const map = readFileSync('/proc/self/uid_map', 'utf8').trim().split('\n');
  for (const line of map) {
    const [inside = 0, outside = 0, count = 0] = line.trim().split(/\s+/).map(Number);
    if (uid >= inside && uid < inside + count) return `/tmp/vtep-${outside + uid - inside}`;
  }
  return `/tmp/vtep-${uid}`;
}

/**
 * Why nothing may listen at `path`. A daemon of root's is no business of anybody else's: its directory is closed to
 * them, and they look for one of their own.
 */
export function nobodyListens(path: string): string {
  const inode = statSync('/proc/self/ns/net', { bigint: true }).ino;
  const roots = `${ROOTS}/net-${inode}.sock`;
  const isOthers = process.getuid?.() !== 0 && path !== roots && !path.startsWith(`${ROOTS}/`);
  if (isOthers && mayBeThere(roots)) {
    return `nothing listens at ${path}, and if root runs a vtep in this network namespace, only root may speak to it (sudo vtep …)`;
  }
  return `no vtep runs in this network namespace (nothing listens at ${path})`;
}

/** Whether there is such a file, or who asks may not know. */
function mayBeThere(path: string): boolean {
  try {
    lstatSync(path);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EACCES';
  }
}

function isWritable(directory: string): boolean {
  try {
    accessSync(directory, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** Who may reach a control socket beside who starts the daemon. */
export interface SocketAccess {
  /** The user that the daemon becomes (`--user`). */
  readonly uid?: number;
  /** The group whose members may give commands (`--control-group`). */
  readonly gid?: number;
}

/**
 * Makes the directory of a control socket, for its owner only, and /run/vtep such that others can pass to a socket of
 * theirs in it. One that it makes elsewhere is given to the user of `access`. Throws CommandError where it cannot, or
 * where somebody else could put another socket in the place of vtep's.
 */
export function makeSocketDirectory(path: string, access: SocketAccess = {}): void {
  const directory = dirname(path);
  const isRoots = directory === ROOTS;
  const isShared = access.uid !== undefined || access.gid !== undefined;
  try {
    const isNew = makeFolders(directory, 0o700);
    if (isNew && !isRoots && isShared) {
      chownSync(directory, access.uid ?? -1, access.gid ?? -1);
      if (access.gid !== undefined) chmodSync(directory, 0o710);
    }
  } catch (error) {
    throw new CommandError(
      `vtep: control socket: ${directory}: ${errorText(error)}; --control PATH names another place`,
      1,
    );
  }
  checkDirectory(directory, access);
  // To pass, not to list, and nobody but root makes or removes anything there.
  if (isRoots && isShared && process.getuid?.() === 0) chmodSync(directory, 0o711);
}

function checkDirectory(directory: string, { uid: later }: SocketAccess): void {
  const uid = process.getuid?.() ?? 0;
  const elsewhere = '--control PATH names another place';
  const entry = lstatSync(directory);
  if (directory === temporaryDirectory() && (!entry.isDirectory() || entry.uid !== uid || (entry.mode & 0o077) !== 0))
    throw new CommandError(`vtep: ${directory} is not this user's alone; ${elsewhere}`, 1);
  const isTrusted = (owner: number): boolean =>
    owner === 0 || owner === uid || owner === later || (owner === UNMAPPED && !isMachinesNamespace());
  const found = statSync(directory);
  if (!found.isDirectory()) throw new CommandError(`vtep: control socket: ${directory} is no directory`, 1);
  if (!isTrusted(entry.uid) || !isTrusted(found.uid))
    throw new CommandError(
      `vtep: ${directory} belongs to user ${isTrusted(found.uid) ? entry.uid : found.uid}, who could put another socket there; ${elsewhere}`,
      1,
    );
  if ((found.mode & 0o022) !== 0 && (found.mode & STICKY) === 0)
    throw new CommandError(
      `vtep: ${directory} may be written to by others, who could put another socket there; ${elsewhere}`,
      1,
    );
}

const STICKY = 0o1000;
/** Whom a user namespace shows where it has no number for an owner, such as the machine's root. */
const UNMAPPED = 65534;

function isMachinesNamespace(): boolean {
  return /^\s*0\s+0\s+4294967295\s*$/.test(readFileSync('/proc/self/uid_map', 'utf8'));
}

/** Where a client looks: as `controlPath`, or at a daemon of root's that others may speak to, where they have none. */
export function clientPath(): string {
  const path = controlPath();
  if (process.env.VTEP_CONTROL || process.getuid?.() === 0 || existsSync(path)) return path;
  const roots = `${ROOTS}/${basename(path)}`;
  return existsSync(roots) ? roots : path;
}

/**
 * Who may be behind a path beside root and who asks: the owner of /run/vtep, which root has given away then, for a
 * socket in it. `'anybody'` where a path was named that is not vtep's own.
 */
export function trustedOwner(path: string): number | 'anybody' | undefined {
  const isDefault = path === defaultPath() || path === `${ROOTS}/${basename(path)}`;
  if (!isDefault || path === process.env.VTEP_CONTROL) return 'anybody';
  if (dirname(path) !== ROOTS) return undefined;
  return statSync(ROOTS, { throwIfNoEntry: false })?.uid;
}
