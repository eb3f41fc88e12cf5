// SECURITY.md: each claim names tests, and they are there.
import test from 'ava';
import { holdClaims } from './claims.js';
import { blocks, read } from './markdown.js';

const page = read('SECURITY.md');

test('every test that SECURITY.md names is there, by its title', (t) => holdClaims(t, 'SECURITY.md', 18));

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
