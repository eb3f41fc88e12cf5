/** The outcome of scenarios as lines for a terminal and as a table for a document. */
import type { Figure, Scenario } from './scenario.js';

export interface Outcome {
  readonly scenario: Pick<Scenario, 'name' | 'title' | 'promise'>;
  readonly seconds: number;
  readonly figures: readonly Figure[];
  /** Why the promise was broken; undefined where it was kept. */
  readonly broken?: string;
}

export function figureText({ value, what }: Figure): string {
  return `${typeof value === 'number' ? value.toLocaleString('en-US') : value} ${what}`;
}

/** For a terminal: the verdict, then what was counted. */
export function outcomeLines({ scenario, seconds, figures, broken }: Outcome): string {
  const head = `${broken === undefined ? 'kept  ' : 'BROKEN'} ${scenario.name.padEnd(26)} ${scenario.title} (${seconds.toFixed(0)} s)`;
  const counted = figures.map((figure) => `         ${figureText(figure)}\n`).join('');
  return `${head}\n${counted}${broken === undefined ? '' : `${broken.replace(/^/gm, '         ')}\n`}`;
}

/** For docs/torture.md. */
export function outcomeTable(outcomes: readonly Outcome[]): string {
  const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');
  const rows = outcomes.map(({ scenario, seconds, figures, broken }) =>
    [
      `\`${scenario.name}\``,
      cell(scenario.title),
      cell(scenario.promise),
      broken === undefined ? cell(figures.map(figureText).join('; ')) : `**broken**: ${cell(broken)}`,
      `${seconds.toFixed(0)} s`,
    ].join(' | '),
  );
  const head = ['| scenario | what is done | what must hold | counted | took |', '| --- | --- | --- | --- | --: |'];
  return [...head, ...rows.map((row) => `| ${row} |`)].join('\n');
}
