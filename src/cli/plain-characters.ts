/** Terminals of a locale that has no more than ASCII: what vtep draws with is replaced by what looks most like it. */

const PLAIN: Readonly<Record<string, string>> = {
  '…': '.',
  '–': '-',
  '’': "'",
  '→': '>',
  '←': '<',
  '↑': '^',
  '↓': 'v',
  '▲': '^',
  '▼': 'v',
  µ: 'u',
};
const DRAWN = new RegExp(`[${Object.keys(PLAIN).join('')}]`, 'g');

/** Whether the environment names a locale of another encoding than UTF-8. Where it names none, most terminals have it. */
export function isOtherEncoding(env: NodeJS.ProcessEnv): boolean {
  const locale = env.LC_ALL || env.LC_CTYPE || env.LANG || '';
  return locale !== '' && !/utf-?8/i.test(locale);
}

/** Characters for characters, so that columns stay columns. Others, as in names, stay what they are. */
export function plain(text: string): string {
  return text.replace(DRAWN, (character) => PLAIN[character] ?? character);
}

type Done = (error?: Error | null) => void;

/** What is written to the stream as text from now on is plain, if it is such a terminal. Pipes and files get what was said. */
export function drawPlainly(stream: NodeJS.WriteStream, env: NodeJS.ProcessEnv): void {
  if (!stream.isTTY || !isOtherEncoding(env)) return;
  const write = stream.write.bind(stream);
  stream.write = (chunk: Uint8Array | string, encoding?: BufferEncoding | Done, done?: Done): boolean => {
    if (typeof chunk !== 'string') return typeof encoding === 'function' ? write(chunk, encoding) : write(chunk, done);
    return typeof encoding === 'function' ? write(plain(chunk), encoding) : write(plain(chunk), encoding, done);
  };
}
