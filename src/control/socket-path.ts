import { mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

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

/** Makes the directory of a control socket, for its owner only. */
export function makeSocketDirectory(path: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
}
