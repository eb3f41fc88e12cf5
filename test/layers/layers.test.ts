// The floors of src/: what docs/layers.md says, what the projects refer to, and that the compiler holds it.
import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';

const root = fileURLToPath(new URL('../../../', import.meta.url));

/** As docs/layers.md lists them, the lowest first. */
const floors = [...readFileSync(join(root, 'docs/layers.md'), 'utf8').matchAll(/^\| `(\w+)\/` \|/gm)]
  .map(([, name = '']) => name)
  .reverse();

const folders = readdirSync(join(root, 'src'), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);

function references(layer: string): string[] {
  const project = JSON.parse(readFileSync(join(root, 'src', layer, 'tsconfig.json'), 'utf8')) as {
    references: { path: string }[];
  };
  return project.references.map(({ path }) => path.replace('../', ''));
}

test('docs/layers.md lists every folder of src/', (t) => {
  t.deepEqual([...floors].sort(), [...folders].sort());
  t.is(floors[0], 'native');
  t.is(floors.at(-1), 'cli');
});

for (const layer of folders) {
  test(`${layer} refers to layers below it only, and imports only what it refers to`, (t) => {
    const known = references(layer);
    for (const other of known) t.true(floors.indexOf(other) < floors.indexOf(layer), `${layer} refers to ${other}`);
    const files = readdirSync(join(root, 'src', layer), { recursive: true, encoding: 'utf8' });
    for (const file of files.filter((name) => name.endsWith('.ts'))) {
      const text = readFileSync(join(root, 'src', layer, file), 'utf8');
      const up = '../'.repeat(file.split('/').length);
      for (const [, other = ''] of text.matchAll(new RegExp(`from '${up.replaceAll('.', '\\.')}(\\w+)/`, 'g')))
        t.true(known.includes(other), `${layer}/${file} imports ${other}`);
    }
    t.pass();
  });
}

/** A checkout of the two lowest layers but one, without tests. */
function copy(t: ExecutionContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'vtep-layers-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  for (const layer of ['native', 'memory'])
    cpSync(join(root, 'src', layer), join(folder, 'src', layer), {
      recursive: true,
      filter: (path) => !path.endsWith('.test.ts'),
    });
  cpSync(join(root, 'tsconfig.base.json'), join(folder, 'tsconfig.base.json'));
  cpSync(join(root, 'package.json'), join(folder, 'package.json'));
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  return folder;
}

function compile(folder: string, layer: string): Promise<{ code: number; said: string }> {
  return new Promise((resolve) => {
    const tsc = join(root, 'node_modules/.bin/tsc');
    execFile(tsc, ['--build', join(folder, 'src', layer)], { cwd: folder }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : 1, said: `${stdout}${stderr}` }),
    );
  });
}

test('an import downwards compiles', async (t) => {
  const folder = copy(t);
  writeFileSync(join(folder, 'src/memory/down.ts'), "export { errnoText } from '../native/errno.js';\n");
  t.deepEqual(await compile(folder, 'memory'), { code: 0, said: '' });
});

test('an import upwards does not compile', async (t) => {
  const folder = copy(t);
  writeFileSync(join(folder, 'src/native/up.ts'), "export { REASONS } from '../memory/reasons.js';\n");
  const { code, said } = await compile(folder, 'native');
  t.is(code, 1);
  t.regex(said, /src\/native\/up\.ts.*error TS\d+.*memory\/reasons\.ts/s);
});
