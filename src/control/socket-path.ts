import { lstatSync, mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { CommandError } from '../iproute/commands.js';

/**
 * Where the daemon of this network namespace listens: $VTEP_CONTROL, else a path named after the namespace's inode.
 * Root uses /run/vtep whatever the environment says; others $XDG_RUNTIME_DIR/vtep, or /tmp/vtep-<uid>.
 */
export function controlPath(explicit?: string): string {
  const chosen = explicit ?? process.env.VTEP_CONTROL;
  if (chosen) return chosen;
  const inode = statSync('/proc/self/ns/net', { bigint: true }).ino;
  return `${runtimeDirectory()}/net-${inode}.sock`;
}

function runtimeDirectory(): string {
  const uid = process.getuid?.() ?? 0;
  if (uid === 0) return '/run/vtep';
  const runtime = process.env.XDG_RUNTIME_DIR;
  return runtime ? `${runtime}/vtep` : `/tmp/vtep-${uid}`;
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
  if (directory !== `/tmp/vtep-${uid}`) return;
  const found = lstatSync(directory);
  if (!found.isDirectory() || found.uid !== uid || (found.mode & 0o077) !== 0) {
    throw new CommandError(`vtep: ${directory} is not this user's alone; --control PATH names another place`, 1);
  }
}
