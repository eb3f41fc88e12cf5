// A batch on the client's side, with a daemon that answers as it is told.
import test from 'ava';
import { type BatchJob, sendBatch, sendTransaction } from './batch-client.js';
import type { Output } from './client.js';
import { MAX_REQUEST, parseRequest, type Request } from './protocol.js';

const job: BatchJob = { name: 'FILE', tool: 'tc', options: [], force: false, isInteractive: false };

interface Outcome {
  readonly exit: number;
  readonly said: string[];
  /** The words of each request, its lines joined. */
  readonly requests: string[][];
}

/** Every line that begins with `bad` fails. */
async function send(pieces: readonly string[], more: Partial<BatchJob> = {}): Promise<Outcome> {
  const said: string[] = [];
  const requests: string[][] = [];
  let busy = 0;
  const connection = {
    async ask(request: Request, output: Output): Promise<number> {
      if (busy++ > 0) throw new Error('two at a time');
      const parsed = parseRequest(JSON.stringify(request));
      if (typeof parsed === 'string' || !('batch' in parsed)) throw new Error(`not a batch: ${JSON.stringify(parsed)}`);
      const { lines, force } = parsed.batch;
      if (JSON.stringify(request).length > MAX_REQUEST / 2) throw new Error('too long');
      requests.push(lines.map((words) => words.join(' ')));
      await new Promise(setImmediate);
      busy--;
      let exit = 0;
      for (const [i, [word]] of lines.entries()) {
        if (word !== 'bad') continue;
        exit = 1;
        output.err('no\n');
        output.failed?.(i);
        if (!force) break;
      }
      return exit;
    },
  };
  async function* source(): AsyncGenerator<string> {
    yield* pieces;
  }
  const output = { out: (text: string) => said.push(text), err: (text: string) => said.push(text) };
  const exit = await sendBatch(source(), { ...job, ...more }, connection, output);
  return { exit, said, requests };
}

test('a text is sent in requests of bounded size, one at a time, in order', async (t) => {
  const lines = Array.from({ length: 5000 }, (_, n) => `filter add ${n} ${'x'.repeat(n % 300)}`.trimEnd());
  const { exit, said, requests } = await send([`${lines.join('\n')}\n`]);
  t.deepEqual([exit, said], [0, []]);
  t.deepEqual(requests.flat(), lines);
  t.true(requests.length >= 5);
});

test('the line that failed is named, and nothing behind it is sent', async (t) => {
  const { exit, said, requests } = await send(['# a comment\n\nok\nok \\\n two\nbad', '\nok\n', 'ok\n']);
  t.is(exit, 1);
  t.deepEqual(said, ['no\n', 'Command failed FILE:6\n']);
  t.deepEqual(requests, [
    ['ok', 'ok two'],
    ['bad', 'ok'],
  ]);
});

test('forced, everything is sent, each failure is named, and it fails at the end', async (t) => {
  const { exit, said, requests } = await send(['ok\nbad\n', 'bad\n', 'ok\n'], { force: true });
  t.is(exit, 1);
  t.deepEqual(said, ['no\n', 'Command failed FILE:2\n', 'no\n', 'Command failed FILE:3\n']);
  t.deepEqual(requests.flat(), ['ok', 'bad', 'bad', 'ok']);
});

test('what is typed is carried out line by line, up to the failure', async (t) => {
  const { exit, requests } = await send(['ok\n', 'bad\n', 'ok\n'], { isInteractive: true });
  t.is(exit, 1);
  t.deepEqual(requests, [['ok'], ['bad']]);
});

test('a quote without its end is refused behind the commands before it', async (t) => {
  const { exit, said, requests } = await send(['ok\nok "x\nok\n']);
  t.is(exit, 1);
  t.deepEqual(said, ['Unterminated quoted string in line 2\n']);
  t.deepEqual(requests, [['ok']]);
});

test('what is to be carried out as a whole is gathered, and asked for at the end; failures have their lines', async (t) => {
  const requests: Request[] = [];
  const said: string[] = [];
  const connection = {
    async ask(request: Request, output: Output): Promise<number> {
      requests.push(request);
      const isLast = 'batch' in request && request.batch.more === undefined;
      if (isLast) output.failed?.(2);
      return isLast ? 1 : 0;
    },
  };
  async function* source(): AsyncGenerator<string> {
    yield 'a\n\nb\n';
    yield '# x\nc\nd';
  }
  const output = { out: (text: string) => said.push(text), err: (text: string) => said.push(text) };
  const exit = await sendTransaction(source(), { ...job, tool: null, dryRun: true }, connection, output);
  t.is(exit, 1);
  t.deepEqual(said, ['Command failed FILE:5\n']);
  const whole = { tool: null, options: [], force: false, atomic: true, dryRun: true };
  t.deepEqual(requests, [
    { batch: { ...whole, lines: [['a'], ['b']], more: true } },
    { batch: { ...whole, lines: [['c']], more: true } },
    { batch: { ...whole, lines: [['d']], more: true } },
    { batch: { ...whole, lines: [] } },
  ]);
});
