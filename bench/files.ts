/** Where results go. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chart } from './chart.js';
import { type Result, toJson } from './result.js';
import { markdownTables } from './table.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const RESULTS = `${root}bench/results`;
const DOCUMENT = `${root}docs/performance.md`;
const BEGIN = '<!-- written by npm run bench -- --baseline: begin -->';
const END = '<!-- written by npm run bench -- --baseline: end -->';

/** Puts `text` between the two marks of a document. Throws where they are missing. */
export function replaceSection(document: string, text: string, begin = BEGIN, end = END): string {
  const [from, to] = [document.indexOf(begin), document.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`docs/performance.md has no section between ${begin} and ${end}`);
  return `${document.slice(0, from + begin.length)}\n${text.trimEnd()}\n${document.slice(to)}`;
}

/** Writes the JSON and a chart beside it; gives their names. */
export function writeResult(result: Result, file = `${RESULTS}/latest.json`): string[] {
  mkdirSync(dirname(file), { recursive: true });
  const picture = `${file.replace(/\.json$/, '')}.svg`;
  writeFileSync(file, toJson(result));
  writeFileSync(picture, chart(result));
  return [file, picture].map((name) => (name.startsWith(root) ? name.slice(root.length) : name));
}

/** Replaces what is committed: the baseline, the chart that the documents show, and the tables in docs/performance.md. */
export function writeBaseline(result: Result): void {
  writeFileSync(`${RESULTS}/baseline.json`, toJson(result));
  writeFileSync(`${RESULTS}/chart.svg`, chart(result));
  writeFileSync(DOCUMENT, replaceSection(readFileSync(DOCUMENT, 'utf8'), markdownTables(result)));
}
