import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import type { Unseen } from './facts.js';

/**
 * The system's folders first: Debian keeps ip, tc and nft in sbin, which is not on everybody's path, and npm puts another
 * program named nft there.
 */
const PATH = `/usr/sbin:/sbin:/usr/bin:/bin:${process.env.PATH ?? ''}`;
const DEADLINE_MS = 5000;
const MOST_BYTES = 64 * 1024 * 1024;

export function isInstalled(tool: string): boolean {
  return PATH.split(':').some((folder) => {
    try {
      accessSync(`${folder}/${tool}`, constants.X_OK);
      return folder !== '';
    } catch {
      return false;
    }
  });
}

/** What a tool prints, or why there is nothing. */
export function runTool(tool: string, ...words: readonly string[]): Promise<string | Unseen> {
  return new Promise((resolve) => {
    const options = { env: { ...process.env, PATH, LC_ALL: 'C' }, timeout: DEADLINE_MS, maxBuffer: MOST_BYTES };
    execFile(tool, words, options, (error, stdout, stderr) => {
      if (error === null) return resolve(stdout);
      // EACCES: a folder of the path is not for this user, and the tool in none of the others.
      if (error.code === 'ENOENT' || (error.code === 'EACCES' && !isInstalled(tool)))
        return resolve({ unseen: `${tool} is not installed` });
      if (error.killed === true) return resolve({ unseen: `${tool} did not end within ${DEADLINE_MS / 1000} s` });
      const [said = ''] = stderr.trim().split('\n');
      return resolve({ unseen: `${tool}: ${said === '' ? error.message : said}` });
    });
  });
}
