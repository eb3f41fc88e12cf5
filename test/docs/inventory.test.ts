// Every block of every page is run by a test, or says why none can.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test from 'ava';
import { NOT_RUN, RUN_BY } from './inventory.js';
import { blocks, fences, pages, root } from './markdown.js';

for (const page of pages()) {
  test(`${page}: every block says what it holds, and is run by a test`, (t) => {
    const found = blocks(page);
    t.is(found.length * 2, fences(page).length, 'a block without a language, indented, or not closed');
    const run = RUN_BY[page] ?? {};
    const left = NOT_RUN[page] ?? {};
    const known = new Set([...Object.keys(run), ...Object.keys(left)]);
    for (const { where, language, lines } of found) {
      const first = lines[0] ?? '';
      t.true(
        known.has('*') || known.has(first),
        `${where}: no test runs this ${language}: "${first}". Have one run it, and name it in test/docs/inventory.ts`,
      );
    }
    const firsts = new Set(found.map(({ lines }) => lines[0] ?? ''));
    t.deepEqual(
      [...known].filter((first) => first !== '*' && !firsts.has(first)),
      [],
      'not on the page any more',
    );
    for (const file of Object.values(run)) {
      t.true(existsSync(join(root, file)), file);
      const folder = dirname(file);
      const sources = [
        file,
        ...readdirSync(join(root, folder)).flatMap((name) => (/^[\w-]+\.ts$/.test(name) ? [join(folder, name)] : [])),
      ];
      t.true(
        known.has('*') ||
          sources.some(
            (source) => source !== 'test/docs/inventory.ts' && readFileSync(join(root, source), 'utf8').includes(page),
          ),
        `${file} does not read ${page}`,
      );
    }
  });
}

test('every page that is named has blocks, and every reason is one', (t) => {
  const all = new Set(pages());
  for (const page of [...Object.keys(RUN_BY), ...Object.keys(NOT_RUN)]) t.true(all.has(page), page);
  for (const reason of Object.values(NOT_RUN).flatMap((left) => Object.values(left))) t.regex(reason, /^[a-z].{8,}/);
});
