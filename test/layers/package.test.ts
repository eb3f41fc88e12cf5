// What `npm pack` would put into the package: everything that runs, and nothing of the tests.
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';
import { links, pages } from '../docs/markdown.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));

interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}

const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest;

async function packed(): Promise<string[]> {
  const { stdout } = await promisify(execFile)('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    cwd: root,
  });
  const [pack] = JSON.parse(stdout) as { files: { path: string }[] }[];
  return (pack?.files ?? []).map(({ path }) => path);
}

/** What a module or its declarations import. */
function imports(path: string): string[] {
  const text = readFileSync(join(root, path), 'utf8');
  const patterns = [
    /\bfrom ['"]([^'"\n]+)['"];?$/gm,
    /^import ['"]([^'"\n]+)['"]/gm,
    /\bimport\(['"]([^'"\n]+)['"]\)/g,
  ];
  return patterns.flatMap((pattern) => [...text.matchAll(pattern)].map(([, what = '']) => what));
}

test('the package holds all that its modules import, and nothing that needs a development dependency', async (t) => {
  const files = await packed();
  const present = new Set(files);
  const modules = files.filter((path) => /\.(js|d\.ts)$/.test(path) || path === 'bin/vtep');
  t.true(modules.length > 100, `${modules.length} modules`);
  for (const path of modules) {
    for (const what of imports(path)) {
      if (what.startsWith('node:')) continue;
      // Examples know the package by its name, as its users do.
      if (what === 'vtep' && path.startsWith('examples/')) continue;
      if (!what.startsWith('.')) t.true(what in manifest.dependencies, `${path} imports ${what}`);
      else if (path.endsWith('.d.ts'))
        t.true(present.has(join(dirname(path), what).replace(/\.js$/, '.d.ts')), `${path}: ${what}`);
      else t.true(present.has(join(dirname(path), what)), `${path} imports ${what}, which is not in the package`);
    }
  }
});

test('every link of a page in the package leads to a file in the package', async (t) => {
  const files = await packed();
  const within = (path: string): boolean =>
    files.some((file) => file === path || file.startsWith(`${path.replace(/\/$/, '')}/`));
  for (const page of pages().filter((each) => files.includes(each)))
    for (const { path } of links(page)) t.true(within(path), `${page}: ${path}`);
  for (const page of ['README.md', 'SECURITY.md', 'docs/drops.md', 'examples/README.md'])
    t.true(files.includes(page), page);
});

test('the package holds no test, no helper of one and no build note', async (t) => {
  const files = await packed();
  t.deepEqual(
    files.filter((path) =>
      /\.test\.|helper|tsbuildinfo|conformance|oracle|harness|\/(fault|testing)\/|\/test-/.test(path),
    ),
    [],
  );
  for (const path of [
    'README.md',
    'LICENSE',
    'bin/vtep',
    'dist/src/cli/main.js',
    'dist/src/dataplane/worker-main.js',
    'dist/src/library/index.d.ts',
    'examples/honeypot.js',
    'docs/drops.md',
  ])
    t.true(files.includes(path), path);
  const places = new Set(files.map((path) => path.split('/', 2).join('/')));
  t.deepEqual(
    [...places].filter((place) => place.startsWith('dist/') && place !== 'dist/src'),
    [],
  );
});
