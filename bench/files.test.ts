import test from 'ava';
import { replaceSection } from './files.js';

const BEGIN = '<!-- written by npm run bench -- --baseline: begin -->';
const END = '<!-- written by npm run bench -- --baseline: end -->';

test('only what stands between the marks of a document is replaced', (t) => {
  const before = `# Title\n\n${BEGIN}\nold\nlines\n${END}\n\nafter\n`;
  t.is(replaceSection(before, 'new\n'), `# Title\n\n${BEGIN}\nnew\n${END}\n\nafter\n`);
});

test('a document without the marks is refused', (t) => {
  t.throws(() => replaceSection('# Title\n', 'new'), { message: /has no section/ });
  t.throws(() => replaceSection(`${END}\n${BEGIN}\n`, 'new'), { message: /has no section/ });
});
