/** Help in terminals of any width: terms and what they mean side by side, or one below the other where that is too narrow. */
import { wrap } from '../observe/text-table.js';

/** A term, and what it means. */
export type Item = readonly [term: string, meaning: string];

/** Narrower than this no meaning stands beside its term. */
const LEAST_MEANING = 28;
const INDENT = '  ';
const BELOW = '      ';

/** One item in lines of `width` characters; `termWidth`: of the longest term beside it. */
export function itemLines([term, meaning]: Item, termWidth: number, width: number): string[] {
  const beside = INDENT.length + termWidth + 2;
  if (meaning === '') return [`${INDENT}${term}`];
  if (width - beside < LEAST_MEANING) {
    return [
      ...wrap(term, Math.max(1, width - BELOW.length)).map((line, n) => (n === 0 ? INDENT : BELOW) + line),
      ...wrap(meaning, Math.max(1, width - BELOW.length)).map((line) => BELOW + line),
    ];
  }
  return wrap(meaning, width - beside).map((line, n) => `${(n === 0 ? INDENT + term : '').padEnd(beside)}${line}`);
}

/** A list of items under a title, with a trailing newline. */
export function itemList(title: string, items: readonly Item[], width: number): string {
  const termWidth = Math.max(...items.map(([term]) => term.length));
  return `${[title, ...items.flatMap((item) => itemLines(item, termWidth, width))].join('\n')}\n`;
}

/** Lines of a grammar, those that are too long broken at blanks and set in below where they begin. */
export function foldGrammar(text: string, width: number): string {
  return text
    .split('\n')
    .flatMap((line) => {
      if (line.length <= width) return [line];
      const [head = ''] = /^(?:\s*\S+\s+:=\s+\{?\s*|\s*)/.exec(line) ?? [];
      const indent = ' '.repeat(Math.min(head.length + (head.trim() === '' ? 7 : 0), Math.floor(width / 3)));
      const [first = '', ...rest] = wrap(line.slice(head.length), width - Math.max(head.length, indent.length));
      return [head + first, ...rest.map((more) => indent + more)];
    })
    .join('\n');
}

/** Columns of a terminal; undefined: none, or one that does not know. */
export function columnsOf(stream: NodeJS.WriteStream): number | undefined {
  return stream.isTTY ? stream.columns || undefined : undefined;
}

/** A grammar, no wider than the terminal that it is printed on. */
export function folded(text: string, stream: NodeJS.WriteStream): string {
  const width = columnsOf(stream);
  return width === undefined ? text : foldGrammar(text, width);
}
