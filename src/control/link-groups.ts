import { readFileSync } from 'node:fs';

/** Where the names of link groups are, as ip reads them. */
const FILE = '/etc/iproute2/group';

/** Group 0 has a name without a file too. */
const DEFAULT = 'default';

/** Names by number from the text of such a file: lines of a number, in decimal or hex, and a name; `#` comments. */
export function parseGroups(text: string): Map<number, string> {
  const names = new Map([[0, DEFAULT]]);
  for (const line of text.split('\n')) {
    const found = /^\s*(0x[0-9a-f]+|\d+)\s+([^\s#]+)\s*(#.*)?$/i.exec(line);
    if (found?.[1] !== undefined && found[2] !== undefined) names.set(Number(found[1]), found[2]);
  }
  return names;
}

/** The name of a link's group, or its number where it has none. Read anew each time, as ip does. */
export function groupName(group: number, file = FILE): string {
  let text = '';
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    // Without the file there is the default alone.
  }
  return parseGroups(text).get(group) ?? `${group}`;
}
