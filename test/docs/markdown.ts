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
  const below = docs.filter((name) => name.endsWith('.md')).map((name) => `docs/${name}`);
  return ['README.md', 'SECURITY.md', 'examples/README.md', ...below];
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

/** Lines of a page that open or close a block, whatever they look like. */
export function fences(page: string): string[] {
  return read(page)
    .split('\n')
    .filter((line) => /^\s*(?:```|~~~)/.test(line));
}

export interface Link {
  /** A path from the root; the page's own where the link names none. */
  readonly path: string;
  readonly anchor: string | undefined;
}

/** What a page links to, other sites left out; pictures too. */
export function links(page: string): Link[] {
  const targets = [...read(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
  return targets
    .filter((target) => !/^[a-z]+:/.test(target))
    .map((target) => {
      const [file = '', anchor] = target.split('#');
      return { path: file === '' ? page : relative(root, join(root, dirname(page), file)), anchor };
    });
}

/** The anchors that a page's headings get where it is shown as HTML: GitHub's, which other renderers follow. */
export function anchors(page: string): Set<string> {
  const found = new Set<string>();
  let isInBlock = false;
  for (const line of read(page).split('\n')) {
    if (line.startsWith('```')) isInBlock = !isInBlock;
    const heading = isInBlock ? undefined : /^#+ (.*)$/.exec(line)?.[1];
    if (heading === undefined) continue;
    const text = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase();
    const slug = text.replace(/[^\p{L}\p{N}\s_-]/gu, '').replace(/\s/g, '-');
    let unique = slug;
    for (let n = 1; found.has(unique); n++) unique = `${slug}-${n}`;
    found.add(unique);
  }
  return found;
}

/** What stands between single backticks in the text of a page. */
export function inlineCode(page: string): string[] {
  const text = read(page).replace(/^```[\s\S]*?^```$/gm, '');
  return [...text.matchAll(/(?<!`)`([^`]+)`(?!`)/g)].map(([, code = '']) => code.replace(/\s+/g, ' '));
}
