/**
 * One list of all links of a namespace: what the system's ip prints of the host's, with vtep's devices, which it takes
 * for TAPs, as what they are. Works on the printed text, so that the host's links are printed as its ip prints them.
 */
import type { OutputOptions } from '../iproute/commands.js';
import type { LinkState } from '../iproute/link-state.js';
import { printLinks } from '../iproute/print-link.js';

interface Entry {
  readonly ifindex: number;
  readonly text: string;
}

/** The objects of an array of JSON, each as it is written. */
export function objectsIn(text: string): string[] {
  const objects: string[] = [];
  let depth = 0;
  let start = 0;
  // A string of JSON, or a brace.
  for (const { 0: token, index } of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}]/g)) {
    if (token === '{' && depth++ === 0) start = index;
    if (token === '}' && --depth === 0) objects.push(text.slice(start, index + 1));
  }
  return objects;
}

function entriesIn(text: string, json: boolean): Entry[] {
  const [parts, pattern] = json
    ? [objectsIn(text), /^\{\s*"ifindex":\s*(\d+)/]
    : [text.split(/^(?=\d+: )/m).filter((part) => part !== ''), /^(\d+): /];
  // ip prints `{}` for what was not asked for.
  return parts.map((part) => ({ ifindex: Number(pattern.exec(part)?.[1] ?? 0), text: part }));
}

/**
 * `host`: what ip printed. `own`: interface indices of vtep's devices. `shown`: those of them that were asked for;
 * they come in the place of ip's, or where their index belongs.
 */
export function mergeLinks(
  host: string,
  own: ReadonlySet<number>,
  shown: readonly LinkState[],
  output: OutputOptions,
): string {
  const entries = entriesIn(host, output.json).filter(({ ifindex }) => ifindex !== 0 && !own.has(ifindex));
  const ours = shown.map((link) => ({
    ifindex: link.ifindex,
    text: entriesIn(printLinks([link], output), output.json)[0]?.text ?? '',
  }));
  const texts = [...entries, ...ours].sort((a, b) => a.ifindex - b.ifindex).map(({ text }) => text);
  if (!output.json) return texts.join('');
  if (texts.length === 0) return printLinks([], output);
  const [before, after] = output.pretty ? ['[ ', ' ]\n'] : ['[', ']\n'];
  return `${before}${texts.join(',')}${after}`;
}
