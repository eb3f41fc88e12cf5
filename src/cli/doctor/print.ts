/** Findings as text, for a terminal of any width and for a pipe, and as JSON. */
import { type Level, type Reported, type Verdict, verdictOf } from './finding.js';

const marks: Readonly<Record<Level, string>> = {
  ok: 'ok',
  note: 'note',
  unseen: 'unseen',
  advice: 'ADVICE',
  problem: 'PROBLEM',
};

const verdicts: Readonly<Record<Verdict, string>> = {
  well: 'all is well',
  advice: 'vtep runs here, and would run better',
  'cannot-run': 'vtep cannot run here as things are',
};

/** Narrower terminals get what 40 columns hold. */
const NARROWEST = 40;
/** From here on a sentence stands beside its check. */
const WIDE = 72;

/** `columns` of the terminal; undefined: a pipe, where each finding is one line, and each remedy another. */
export function printFindings(findings: readonly Reported[], columns: number | undefined): string {
  const width = columns === undefined ? Number.POSITIVE_INFINITY : Math.max(NARROWEST, columns);
  const name = Math.max(...findings.map(({ check }) => check.length));
  const lines: string[] = [];
  let section: string | undefined;
  for (const finding of findings) {
    if (finding.section !== section) {
      if (section !== undefined) lines.push('');
      section = finding.section;
      lines.push(section);
    }
    lines.push(...block(finding, name, width));
  }
  return `${lines.join('\n')}\n\n${summary(findings, width)}\n`;
}

function block({ check, level, sentence, remedy }: Reported, name: number, width: number): string[] {
  const head = `  ${marks[level].padEnd(7)}  ${check}`;
  const beside = `  ${' '.repeat(7)}  ${' '.repeat(name)}  `;
  const indent = width < WIDE ? '    ' : beside;
  const said = wrap(sentence, width - indent.length);
  const first =
    width < WIDE ? [head, ...said.map((line) => indent + line)] : hang(head.padEnd(beside.length), indent, said);
  return remedy === undefined
    ? first
    : [...first, ...hang(`${indent}→ `, `${indent}  `, wrap(remedy, width - indent.length - 2))];
}

function hang(first: string, others: string, lines: readonly string[]): string[] {
  return lines.map((line, n) => (n === 0 ? first : others) + line);
}

/** Breaks at blanks; a word that is too long stays whole. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}

function summary(findings: readonly Reported[], width: number): string {
  const count = (level: Level): number => findings.filter((finding) => finding.level === level).length;
  const parts = [
    [count('problem'), 'problem', 'problems'],
    [count('advice'), 'piece of advice', 'pieces of advice'],
    [count('unseen'), 'check that could not be made', 'checks that could not be made'],
  ] as const;
  const counted = parts.filter(([n]) => n > 0).map(([n, one, many]) => `${n} ${n === 1 ? one : many}`);
  return wrap([verdicts[verdictOf(findings)], ...counted].join(', '), width).join('\n');
}

export function printJson(findings: readonly Reported[]): string {
  return `${JSON.stringify({ version: 1, verdict: verdictOf(findings), findings })}\n`;
}
