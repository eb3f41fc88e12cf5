import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { groupName, parseGroups } from './link-groups.js';

test('groups have the names of a file, in decimal or hex, and what it does not name its number', (t) => {
  const text = '# device group names\n0\tdefault\n  5  edge # of the network\n0x10\tcore\n7\n#8 none\nx y\n';
  t.deepEqual(
    [...parseGroups(text)],
    [
      [0, 'default'],
      [5, 'edge'],
      [16, 'core'],
    ],
  );
  const folder = mkdtempSync(join(tmpdir(), 'vtep-group-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'group');
  writeFileSync(file, text);
  t.deepEqual(
    [0, 5, 16, 7].map((group) => groupName(group, file)),
    ['default', 'edge', 'core', '7'],
  );
});

test('without a file there is the default alone', (t) => {
  t.deepEqual(
    [0, 5].map((group) => groupName(group, '/nowhere/at/all')),
    ['default', '5'],
  );
});
