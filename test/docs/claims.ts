/** The tests that a page names for what it says. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { read, root } from './markdown.js';

export interface Claim {
  readonly file: string;
  /** Of the test, or its beginning; undefined: the file alone is named. */
  readonly title: string | undefined;
}

/** Each `file`: "title", "title" of a page; a file alone has no title. */
export function claimsOf(page: string): Claim[] {
  const flat = read(page).replaceAll(/\s+/g, ' ');
  return [...flat.matchAll(/`((?:src|test)\/[\w/.-]+\.ts)`((?:[:,] "[^"]+")*)/g)].flatMap(
    ([, file = '', titles = '']) => {
      const named = [...titles.matchAll(/"([^"]+)"/g)].map(([, title]) => title);
      return named.length === 0 ? [{ file, title: undefined }] : named.map((title) => ({ file, title }));
    },
  );
}

/** Every test that a page names is there, by its title; they are `least`, or more. */
export function holdClaims(t: ExecutionContext, page: string, least: number): void {
  const claims = claimsOf(page);
  t.true(claims.length >= least, `${claims.length} tests`);
  for (const { file, title } of claims) {
    t.true(existsSync(join(root, file)), file);
    if (title === undefined) t.notRegex(file, /\.test\.ts$/, 'a title is missing');
    else t.true(readFileSync(join(root, file), 'utf8').includes(title), `${file}: ${title}`);
  }
}
