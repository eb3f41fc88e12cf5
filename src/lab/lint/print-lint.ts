import { ruleWords } from '../../control/lint/finding.js';
import { wrap } from '../../observe/text-table.js';
import type { LintResult } from './lint-batch.js';

/** What `vtep lint` prints, with a trailing newline; `width`: characters of the terminal's lines. */
export function printLint({ findings, filters }: LintResult, width = Number.POSITIVE_INFINITY): string {
  const looked = `${filters} ${filters === 1 ? 'filter' : 'filters'}`;
  if (findings.length === 0) return `nothing found in ${looked}\n`;
  const lines = findings.flatMap(({ check, level, line, rule, sentence, remedy }) => [
    ...wrap(
      [
        ...(line === undefined ? [] : [`line ${line}:`]),
        `${check}${level === 'advice' ? ' (advice)' : ''}:`,
        ...(rule ? [ruleWords(rule)] : []),
      ].join(' '),
      width,
    ),
    ...wrap(sentence, width - 2).map((text) => `  ${text}`),
    ...wrap(`do: ${remedy}`, width - 2).map((text) => `  ${text}`),
  ]);
  const count = `${findings.length} ${findings.length === 1 ? 'finding' : 'findings'}`;
  return [...lines, `${count} in ${looked}`].map((line) => `${line}\n`).join('');
}
