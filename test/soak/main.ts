/** npm run soak [-- [--minutes N] [--rate N]]: exit 1 where something was lost, grew, went back or did not answer. */
import { figureText } from '../torture/table.js';
import { soak } from './soak.js';

const WORDS = { '--minutes': 10, '--rate': 2000 };

function say(what: string): void {
  const { stderr } = process;
  if (stderr.isTTY) stderr.write(`\r\x1b[K${what.slice(0, (stderr.columns || 80) - 1)}`);
}

function read(words: readonly string[]): Readonly<Record<keyof typeof WORDS, number>> {
  const values: Record<string, number> = { ...WORDS };
  for (let at = 0; at < words.length; at += 2) {
    const [name = '', value = ''] = [words[at], words[at + 1]];
    if (!(name in WORDS)) throw new RangeError(`what is "${name}"? npm run soak -- --help tells`);
    if (!/^\d+(\.\d+)?$/.test(value) || Number(value) <= 0) throw new RangeError(`${name} needs a number above 0`);
    values[name] = Number(value);
  }
  return values as Record<keyof typeof WORDS, number>;
}

try {
  const { '--minutes': minutes, '--rate': rate } = read(process.argv.slice(2));
  const figures = await soak({ seconds: Math.round(minutes * 60), rate, stream: '8M', say });
  say('');
  process.stdout.write(figures.map((figure) => `${figureText(figure)}\n`).join(''));
} catch (error) {
  say('');
  process.stderr.write(`soak: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = error instanceof RangeError ? 2 : 1;
}
