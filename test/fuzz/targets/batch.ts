/** The text of a batch file: its lines are commands, or refused as iproute2 refuses them. */
import * as fc from 'fast-check';
import { anyLine } from '../../../src/iproute/arbitrary-line.test.helper.js';
import { parseBatchLine, splitBatch } from '../../../src/iproute/batch.js';
import { commandWords } from '../../../src/iproute/command-words.js';
import { CommandError } from '../../../src/iproute/commands.js';
import { hold, type Target } from '../target.js';

/** The command, or the refusal, as text. */
function parsed(words: readonly string[]): string {
  try {
    return JSON.stringify(parseBatchLine(words), (_, value: unknown) =>
      typeof value === 'bigint' ? `${value}` : value,
    );
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    hold(error.message.trim() !== '' && !/undefined|\[object/.test(error.message), `a refusal says "${error.message}"`);
    hold([1, 2, 255].includes(error.exitCode), `a refusal has exit code ${error.exitCode}`);
    return `${error.exitCode} ${error.message}`;
  }
}

function run(input: Uint8Array): void {
  const text = Buffer.from(input).toString();
  let lines: readonly { readonly words: readonly string[] }[];
  try {
    lines = [...splitBatch(text)];
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    hold(/ line \d+$/.test(error.message), `a batch is refused with "${error.message}"`);
    return;
  }
  for (const { words } of lines) {
    const first = parsed(words);
    hold(parsed(words) === first, 'a line is not read twice alike');
  }
}

export const lineOfText = anyLine.map(
  ([tool, words]) => `${tool} ${words.map((word) => word.slice(0, 100)).join(' ')}`,
);

export const target: Target = {
  name: 'batch',
  title: 'the text of a batch file: each line is a command, or a refusal with a text and an exit code of iproute2',
  covers: ['iproute/'],
  generated: fc
    .array(
      fc.oneof(
        { weight: 8, arbitrary: lineOfText },
        { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 40 }) },
      ),
      {
        minLength: 1,
        maxLength: 4,
      },
    )
    .map((lines) => Uint8Array.from(Buffer.from(lines.join('\n')))),
  longest: 4096,
  dictionary: [...new Set([...commandWords.values()].flat())].flatMap((word) => [`${word} `, ` ${word}`]),
  run,
  show: (input) => Buffer.from(input).toString(),
};
