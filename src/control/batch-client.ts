import type { BatchLine } from '../iproute/batch.js';
import { BatchText } from './batch-text.js';
import type { Connection, Output } from './client.js';
import type { Tool } from './protocol.js';

export interface BatchJob {
  /** As it is named in `Command failed FILE:LINE`. */
  readonly name: string;
  readonly tool: Tool | null;
  readonly options: readonly string[];
  readonly force: boolean;
  /** Each piece is carried out before the next one is read: whoever writes it may wait for the answers. */
  readonly isInteractive: boolean;
  /** All or nothing: nothing is carried out before the end of the text. */
  readonly atomic?: boolean;
  /** Only says what would change; atomic. */
  readonly dryRun?: boolean;
}

/** Of one request; both stay far below what a daemon takes. */
const MOST_LINES = 1024;
const MOST_CHARACTERS = 200_000;

/**
 * Has the commands of a text carried out: in requests of bounded size, the next of which is made ready while the
 * daemon works on one. Stops at the first failure, unless forced. Resolves with the exit code.
 */
export async function sendBatch(
  pieces: AsyncIterable<string>,
  job: BatchJob,
  connection: Pick<Connection, 'ask'>,
  output: Output,
  sent: (characters: number) => void = () => undefined,
): Promise<number> {
  const text = new BatchText();
  let exit = 0;
  let answer: Promise<number> = Promise.resolve(0);
  const send = async (lines: readonly BatchLine[]): Promise<boolean> => {
    for (const part of parts(lines)) {
      exit = (await answer) || exit;
      if (exit !== 0 && !job.force) return false;
      answer = ask(part, job, connection, output);
      answer.catch(() => undefined); // whoever awaits it next is told
    }
    return true;
  };
  let characters = 0;
  let goesOn = true;
  for await (const piece of pieces) {
    goesOn = await send(text.push(piece));
    if (job.isInteractive) exit = (await answer) || exit;
    characters += piece.length;
    sent(characters);
    if (!goesOn || text.failure || (exit !== 0 && !job.force)) break;
  }
  if (goesOn) await send(text.end());
  exit = (await answer) || exit;
  if (text.failure && (exit === 0 || job.force)) {
    output.err(`${text.failure.message}\n`);
    return 1;
  }
  return exit;
}

/** As `sendBatch`, for what is to be carried out as a whole: the daemon gathers it, and is asked to at the end. */
export async function sendTransaction(
  pieces: AsyncIterable<string>,
  { name, tool, options, dryRun = false }: BatchJob,
  connection: Pick<Connection, 'ask'>,
  output: Output,
  sent: (characters: number) => void = () => undefined,
): Promise<number> {
  const text = new BatchText();
  const numbers: number[] = [];
  const whole = { tool, options, force: false, atomic: true, dryRun };
  const named: Output = {
    out: (said) => output.out(said),
    err: (said) => output.err(said),
    failed: (index) => output.err(`Command failed ${name}:${numbers[index] ?? 0}\n`),
  };
  let answer: Promise<number> = Promise.resolve(0);
  // The next part is made ready while the daemon takes one.
  const hand = async (lines: readonly BatchLine[]): Promise<number> => {
    for (const part of parts(lines)) {
      for (const { line } of part) numbers.push(line);
      const exit = await answer;
      if (exit !== 0) return exit;
      answer = connection.ask({ batch: { ...whole, lines: part.map(({ words }) => words), more: true } }, named);
      answer.catch(() => undefined); // whoever awaits it next is told
    }
    return 0;
  };
  let characters = 0;
  for await (const piece of pieces) {
    const exit = await hand(text.push(piece));
    if (exit !== 0) return exit;
    characters += piece.length;
    sent(characters);
  }
  const exit = (await hand(text.end())) || (await answer);
  if (exit !== 0) return exit;
  if (text.failure) {
    output.err(`${text.failure.message}\nvtep: nothing was changed\n`);
    return 1;
  }
  return connection.ask({ batch: { ...whole, lines: [] } }, named);
}

function ask(
  lines: readonly BatchLine[],
  { name, tool, options, force }: BatchJob,
  connection: Pick<Connection, 'ask'>,
  output: Output,
): Promise<number> {
  const words = lines.map((line) => line.words);
  return connection.ask(
    { batch: { tool, options, lines: words, force } },
    {
      out: (text) => output.out(text),
      err: (text) => output.err(text),
      failed: (index) => output.err(`Command failed ${name}:${lines[index]?.line ?? 0}\n`),
    },
  );
}

function* parts(lines: readonly BatchLine[]): Generator<readonly BatchLine[]> {
  let from = 0;
  let characters = 0;
  for (const [i, { words }] of lines.entries()) {
    let length = 0;
    for (const word of words) length += word.length + 3;
    if (i > from && (i - from >= MOST_LINES || characters + length > MOST_CHARACTERS)) {
      yield lines.slice(from, i);
      from = i;
      characters = 0;
    }
    characters += length;
  }
  if (from < lines.length) yield lines.slice(from);
}
