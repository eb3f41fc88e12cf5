/** Console blocks: commands, and what is printed after each; `…` stands for lines that are left out. */

export interface Command {
  /** Behind `$ `. */
  readonly line: string;
  readonly printed: readonly string[];
}

export function commandsOf(lines: readonly string[]): Command[] {
  const found: { line: string; printed: string[] }[] = [];
  for (const line of lines) {
    if (line.startsWith('$ ')) found.push({ line: line.slice(2), printed: [] });
    else found.at(-1)?.printed.push(line);
  }
  return found;
}

/** Whether `text` is the lines, with anything where `…` stands. */
export function isAsShown(text: string, { printed }: Command): boolean {
  const pattern = printed
    .map((line) => (line === '…' ? '(?:.*\\n)*?' : `${line.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')}\\n`))
    .join('');
  return new RegExp(`^${pattern}$`).test(text);
}
