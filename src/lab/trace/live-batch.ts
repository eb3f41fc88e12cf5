/** What a daemon has in force as the lines of a batch: what `vtep save` says, and what `bridge fdb show` says was learned. */

/** `hosts`: interfaces of the host that the lines speak of. */
export interface LiveBatch {
  readonly text: string;
  readonly hosts: string[];
}

/** Lines of `vtep save` that make a device. */
const MADE = /^ip (?:link add(?: name)?|tuntap add dev) (\S+)/gm;
/** Words that a device's name follows. */
const NAMED = /\b(?:dev|indev) (\S+)/g;
/** Learned: neither set by somebody nor the host's. */
const SET = /\b(?:permanent|static|self permanent)\b/;

/** `saved`: what `vtep save` prints; `shown`: what `bridge fdb show` prints. */
export function liveBatch(saved: string, shown: string): LiveBatch {
  const made = new Set([...saved.matchAll(MADE)].map(([, name = '']) => name));
  const named = [...saved.matchAll(NAMED)].map(([, name = '']) => name);
  const learned = shown
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => / dst /.test(line) && !SET.test(line) && made.has(/ dev (\S+)/.exec(line)?.[1] ?? ''))
    .map((line) => `bridge fdb replace ${line.replace(/ (?:offload|extern_learn|used \S+|stale)\b/g, '')} dynamic`);
  return {
    text: `${saved}${learned.map((line) => `${line}\n`).join('')}`,
    hosts: [...new Set(named)].filter((name) => !made.has(name) && name !== '*'),
  };
}
