// What a command loads, which is most of its time: not how long it takes, but that it is no more than it needs.

import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { ControlServer } from '../control/server.js';

const ROOT = new URL('../../../', import.meta.url);
const BIN = fileURLToPath(new URL('bin/vtep', ROOT));

/** The files that a command has loaded, below the package's folder, as V8 tells of them. */
async function loadedBy(t: ExecutionContext, argv: readonly string[], control: string): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'vtep-loaded-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const env = { ...process.env, VTEP_CONTROL: control, NODE_V8_COVERAGE: folder };
  const child = spawn(process.execPath, [BIN, ...argv], { env, stdio: 'ignore' });
  const code = await new Promise((resolve) => child.once('close', resolve));
  t.is(code, 0, argv.join(' '));
  const [report = ''] = readdirSync(folder);
  const { result } = JSON.parse(readFileSync(join(folder, report), 'utf8')) as { result: { url: string }[] };
  return result.flatMap(({ url }) => (url.startsWith(ROOT.href) ? url.slice(ROOT.href.length) : []));
}

const HEAVY =
  /node_modules\/(koffi|@koromix|prom-client|yaml)|dist\/src\/(lab|dataplane|io|classifier|offload|actions|library)\//;
const PARSER = /dist\/src\/iproute\/parse/;

test('a command that asks the daemon loads neither the C library, nor the datapath, nor what others need', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'vtep-loaded-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const control = join(folder, 'x.sock');
  const server = await ControlServer.listen(control, async ([verb], say) => {
    say({ out: verb === 'workers' ? '[]' : 'x\n' });
    return 0;
  });
  t.teardown(() => server.close());
  for (const [words, most] of [
    [['help'], 30],
    [['help', 'tc', 'filter'], 30],
    [['-V'], 30],
    [['drops'], 60],
    [['workers'], 60],
    [['save'], 60],
    [['reload'], 60],
  ] as const) {
    const name = words.join(' ');
    const loaded = await loadedBy(t, words, control);
    const own = loaded.filter((path) => path.startsWith('dist/'));
    t.true(own.includes('dist/src/cli/main.js'), name);
    t.deepEqual(
      loaded.filter((path) => HEAVY.test(path) || PARSER.test(path)),
      [],
      name,
    );
    t.true(own.length <= most, `${name}: ${own.length} modules`);
  }
  const loaded = await loadedBy(t, ['tc', 'filter', 'show', 'dev', 'x', 'ingress'], control);
  t.true(loaded.some((path) => PARSER.test(path)));
  t.deepEqual(
    loaded.filter((path) => HEAVY.test(path)),
    [],
  );
});
