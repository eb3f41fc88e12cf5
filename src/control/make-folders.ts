import { mkdirSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/**
 * Makes a folder, and those above it that are missing, with `mode`. Returns whether it was missing itself. Throws the
 * file system's error. Node.js does this too, but goes round for ever where a folder that is there answers ENOENT, as
 * those of /proc do.
 */
export function makeFolders(path: string, mode = 0o777): boolean {
  const folder = resolve(path);
  try {
    return make(folder, mode);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
    const above = dirname(folder);
    if (above === folder || statSync(above, { throwIfNoEntry: false }) !== undefined) throw error;
    makeFolders(above, mode);
    return make(folder, mode);
  }
}

/** False where it is there already. */
function make(folder: string, mode: number): boolean {
  try {
    mkdirSync(folder, { mode });
    return true;
  } catch (error) {
    if (statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return false;
    throw error;
  }
}
