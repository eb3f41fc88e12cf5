/**
 * One list of the qdiscs of a namespace: what the system's tc prints of the host's, with vtep's behind those of their
 * device, as the kernel lists an ingress behind the root. Works on the printed text, as for links.
 */
import type { OutputOptions, QdiscState } from '../iproute/commands.js';
import { printQdiscs } from '../iproute/print-qdisc.js';
import { objectsIn } from './merge-links.js';

/** One of them as it was printed, with what follows it (statistics, options). */
function partsOf(text: string, { json }: OutputOptions): string[] {
  return json ? objectsIn(text) : text.split(/^(?=qdisc )/m).filter((part) => part !== '');
}

function deviceOf(part: string, { json }: OutputOptions): string | undefined {
  if (!json) return /^qdisc \S+ \S+ (?:\[deleted\] )?dev (\S+) /.exec(part)?.[1];
  return (JSON.parse(part) as { dev?: string }).dev;
}

/** `host`: what tc printed; `dev`: the device that was asked for, which neither repeats. */
export function mergeQdiscs(
  host: string,
  own: readonly QdiscState[],
  dev: string | undefined,
  output: OutputOptions,
): string {
  const hosts = partsOf(host, output).map((text) => ({ text, dev: dev ?? deviceOf(text, output) }));
  const ours = own.map((state) => ({
    dev: state.dev,
    text: partsOf(printQdiscs([state], dev, output), output).join(''),
  }));
  const names = new Set(hosts.map((part) => part.dev));
  const texts: string[] = [];
  for (const [at, part] of hosts.entries()) {
    texts.push(part.text);
    if (hosts[at + 1]?.dev === part.dev) continue;
    texts.push(...ours.filter((mine) => mine.dev === part.dev).map(({ text }) => text));
  }
  // A device that was moved to another namespace has none here.
  texts.push(...ours.filter((mine) => !names.has(mine.dev)).map(({ text }) => text));
  if (!output.json) return texts.join('');
  if (texts.length === 0) return printQdiscs([], dev, output);
  const [before, after] = output.pretty ? ['[ ', ' ]\n'] : ['[', ']\n'];
  return `${before}${texts.join(',')}${after}`;
}
