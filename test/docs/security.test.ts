// SECURITY.md: each claim names tests, and they are there.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { blocks, read, root } from './markdown.js';

const page = read('SECURITY.md');

/** `file`: "title", "title" as (file, title); a file alone has no title. */
function claims(): { file: string; title: string | undefined }[] {
  const flat = page.replaceAll(/\s+/g, ' ');
  return [...flat.matchAll(/`((?:src|test)\/[\w/.-]+\.ts)`((?:[:,] "[^"]+")*)/g)].flatMap(
    ([, file = '', titles = '']) => {
      const named = [...titles.matchAll(/"([^"]+)"/g)].map(([, title]) => title);
      return named.length === 0 ? [{ file, title: undefined }] : named.map((title) => ({ file, title }));
    },
  );
}

test('every test that SECURITY.md names is there, by its title', (t) => {
  const found = claims();
  t.true(found.length >= 18, `${found.length} tests`);
  for (const { file, title } of found) {
    t.true(existsSync(join(root, file)), file);
    if (!/\.test\.ts$/.test(file)) continue;
    t.truthy(title, `${file}: a title is missing`);
    const source = readFileSync(join(root, file), 'utf8');
    t.true(source.includes(title ?? ''), `${file}: ${title}`);
  }
});

test('every claim about what others can do names a test, or says that it is a warning', (t) => {
  const [, body = ''] = page.split(/^## Whoever sends/m);
  const items = body.split(/^## |^- /m).filter((item) => item.trim() !== '');
  const bare = page
    .slice(page.indexOf('## Whoever sends'), page.indexOf('## Off by default'))
    .split(/\n(?=- |\n)/)
    .map((item) => item.trim())
    .filter((item) => item.startsWith('- ') && !/`(?:src|test)\//.test(item));
  t.true(items.length > 10);
  // What is as in the kernel, what is not protected, and advice.
  for (const item of bare) t.regex(item, /as in the kernel|Without `--user`|Do not run/, item);
});

test('the lines of docs/strict-peers.md are those that its end-to-end test runs', (t) => {
  const [batch] = blocks('docs/strict-peers.md').filter(({ language }) => language === 'batch');
  t.true((batch?.lines.length ?? 0) >= 4);
  t.true(read('test/netns/strict-peers.test.ts').includes("blocks('docs/strict-peers.md')"));
});

test('the command of docs/rootless.md is the one that its end-to-end test runs', (t) => {
  const [block] = blocks('docs/rootless.md').filter(({ language }) => language === 'sh');
  t.deepEqual(block?.lines, ['netns-scripts/rootless.sh ping']);
  t.true(read('test/netns/rootless.test.ts').includes("'netns-scripts/rootless.sh', 'ping'"));
});
