/** The JSON of docs/control-socket.md, said to a vtep that runs. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import type { ExecutionContext } from 'ava';
import { blocks, read } from './markdown.js';

type Said = Readonly<Record<string, unknown>>;

/** Replies to a request, up to its exit code, or up to the first of `until`, behind which an empty line ends it. */
async function ask(path: string, request: string, until = 'exit'): Promise<Said[]> {
  const socket = connect(path);
  await once(socket, 'connect');
  socket.write(`${request}\n`);
  const replies: Said[] = [];
  for await (const line of createInterface({ input: socket })) {
    const reply = JSON.parse(line) as Said;
    replies.push(reply);
    if ('exit' in reply) break;
    if (until in reply) socket.write('\n');
  }
  socket.destroy();
  return replies;
}

/** Every line of the page, against what this control socket answers. */
export async function controlLinesHold(t: ExecutionContext, path: string): Promise<void> {
  const lines = blocks('docs/control-socket.md').flatMap(({ language, lines }) => (language === 'json' ? lines : []));
  const take = (): { line: string; said: Said } => {
    const line = lines.shift() ?? '{}';
    return { line, said: JSON.parse(line) as Said };
  };
  const text = (said: Said | undefined, name: string): string => String(said?.[name]);

  const show = take();
  const shown = await ask(path, show.line);
  t.true(text(shown[0], 'out').startsWith(text(take().said, 'out')), text(shown[0], 'out'));
  t.deepEqual(shown.at(-1), { exit: 0 });
  const error = take().said;
  const data = take().said;
  t.deepEqual(await ask(path, show.line.replace('vxlan0', 'vxlan9')), [error, take().said]);
  const captured = await ask(path, '{"argv": ["capture"]}', 'data');
  t.deepEqual(captured[0], data);

  const failed = await ask(path, take().line);
  t.deepEqual(Object.keys(failed.at(-2) ?? {}), Object.keys(take().said));
  t.deepEqual(failed.slice(-2), [{ failed: 0 }, { exit: 1 }]);

  const monitored = await ask(path, take().line, 'out');
  t.deepEqual(monitored, [take().said, { exit: 0 }]);
  const [before = '', behind = ''] = text(take().said, 'err').trimEnd().split('1234');
  const source = read('src/control/monitor.ts');
  t.true(source.includes(`\`${before}$`) && source.includes(`}${behind}\\n\``), behind);
  t.deepEqual(lines, []);
}
