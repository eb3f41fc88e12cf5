import { accessSync, constants, existsSync, lstatSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { CommandError } from '../iproute/commands.js';

/** The directory of root's control sockets. */
const ROOTS = '/run/vtep';

/**
 * Where the daemon of this network namespace listens: $VTEP_CONTROL, else a path named after the namespace's inode.
 * Root uses /run/vtep whatever the environment says; others $XDG_RUNTIME_DIR/vtep, or /tmp/vtep-<uid>, and so does
 * the root of a user namespace, to whom /run is closed.
 */
export function controlPath(explicit?: string): string {
  const chosen = explicit ?? process.env.VTEP_CONTROL;
  if (chosen) return chosen;
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

/**
 * Makes the directory of a control socket, for its owner only. Throws CommandError where it cannot, or where the one
 * that stands below /tmp is somebody else's.
 */
export function makeSocketDirectory(path: string): void {
  const directory = dirname(path);
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new CommandError(`vtep: control socket: ${error instanceof Error ? error.message : String(error)}`, 1);
  }
  const uid = process.getuid?.() ?? 0;
  if (directory !== temporaryDirectory()) return;
  const found = lstatSync(directory);
  if (!found.isDirectory() || found.uid !== uid || (found.mode & 0o077) !== 0) {
    throw new CommandError(`vtep: ${directory} is not this user's alone; --control PATH names another place`, 1);
  }
}
