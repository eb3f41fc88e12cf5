// docs/control-socket.md against the server: its example is run, its lines are read. Nothing here needs rights.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { MAX_REQUEST, parseReply, parseRequest } from '../../src/control/protocol.js';
import { ControlServer } from '../../src/control/server.js';
import { blocks, read } from './markdown.js';

const PAGE = 'docs/control-socket.md';

test('the example speaks to a control socket, prints what it says and ends with its exit code', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'vtep-docs-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'x.sock');
  const server = await ControlServer.listen(path, async (argv, say) => {
    say({ out: `${argv.join(' ')}\n` });
    say({ err: 'and this\n' });
    return 7;
  });
  t.teardown(() => server.close());
  const script =
    blocks(PAGE)
      .find(({ language }) => language === 'sh')
      ?.lines.join('\n') ?? '';
  const child = spawn('sh', ['-c', script], { env: { ...process.env, VTEP_CONTROL: path } });
  let out = '';
  let err = '';
  child.stdout.on('data', (bytes: Buffer) => {
    out += bytes.toString();
  });
  child.stderr.on('data', (bytes: Buffer) => {
    err += bytes.toString();
  });
  const code = await new Promise((resolve) => child.once('close', resolve));
  t.deepEqual([out, err, code], ['drops --json\n', 'and this\n', 7]);
});

test('every line of JSON on the page is a request or a reply', (t) => {
  const lines = blocks(PAGE).flatMap(({ language, lines }) => (language === 'json' ? lines : []));
  t.true(lines.length >= 5);
  for (const line of lines) {
    if (/^\{"(argv|batch)"/.test(line)) t.is(typeof parseRequest(line), 'object', line);
    else t.not(parseReply(line), undefined, line);
  }
  t.true(read(PAGE).includes(MAX_REQUEST.toLocaleString('en')));
});
