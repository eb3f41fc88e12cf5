/** Text for terminals: what does not fit into the width is wrapped or cut, as is asked for. */

/** Words of a sentence in lines of at most `width` characters, as far as they have words that fit. */
export function wrap(sentence: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of sentence.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}

/** The first `width` characters of a line, the last of them `…` where there are more. */
export function cut(line: string, width: number): string {
  return line.length <= width ? line : `${line.slice(0, Math.max(0, width - 1))}…`;
}

/** Rows of words in columns, two spaces between them: `isNumber` says which stand to the right. No trailing spaces. */
export function columns(rows: readonly (readonly string[])[], isNumber: readonly boolean[]): string[] {
  const widths = isNumber.map((_, n) => Math.max(...rows.map((row) => (row[n] ?? '').length)));
  return rows.map((row) =>
    row
      .map((word, n) => (isNumber[n] ? word.padStart(widths[n] ?? 0) : word.padEnd(widths[n] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
}
