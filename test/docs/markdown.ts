/** The documents of the repository, and the parts of them that can be held against the program. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../../../', import.meta.url));

export interface Block {
  /** Page and line of its first line, for messages. */
  readonly where: string;
  /** What stands behind the three backticks: `batch`, `sh`, `console`, … */
  readonly language: string;
  readonly file: string | undefined;
  readonly lines: readonly string[];
}

/** Paths from the root of every page. */
export function pages(): string[] {
  const docs = readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' });
  return ['README.md', 'SECURITY.md', ...docs.filter((name) => name.endsWith('.md')).map((name) => `docs/${name}`)];
}

export function read(page: string): string {
  return readFileSync(join(root, page), 'utf8');
}

export function blocks(page: string): Block[] {
  const found: Block[] = [];
  const lines = read(page).split('\n');
  for (let at = 0; at < lines.length; at++) {
    const fence = /^```(\w+)(?: file=(\S+))?$/.exec(lines[at] ?? '');
    if (!fence) continue;
    const end = lines.indexOf('```', at + 1);
    const [, language = '', file] = fence;
    found.push({ where: `${page}:${at + 2}`, language, file, lines: lines.slice(at + 1, end) });
    at = end;
  }
  return found;
}

/** Files that a page links to, as paths from the root. */
export function links(page: string): string[] {
  const targets = [...read(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
  return targets
    .filter((target) => !/^[a-z]+:|^#/.test(target))
    .map((target) => relative(root, join(root, dirname(page), target.replace(/#.*/, ''))));
}
